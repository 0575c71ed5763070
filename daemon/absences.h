// Which addresses a run met absent, and which are present again: what the life of findings goes by
// where ports are silent.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/absence.h"
#include "core/finding.h"
#include "daemon/run_evidence.h"
#include "drift/presence.h"

namespace postern::daemon {

struct AbsenceTerms {
  // Of the time since the run before, so much at most counts as watched; what is longer was a gap.
  Duration longest_gap{};
  Duration gone_after{};  // confirm.gone_after
};

struct AbsencesOfRun {
  // Every address that the run could judge, and was absent before or is now; none: it is present.
  std::map<IpAddress, std::optional<Absence>> changes;
  // The run has proof of the path to these absent addresses.
  std::set<IpAddress> vouched;
};

// Returns the first hops that the run has proof of. The result refers to `evidence`.
drift::ProvenHops HopsProvenBy(const RunEvidence& evidence);

// Returns what the run makes of `remembered`. Families that the run is blind in are left out.
// `known` are the newest verdicts that prove something, ascending; `findings` tell which unlisted
// hosts are looked for. REQUIRES: coverage.blind of the snapshot is set.
AbsencesOfRun FindAbsences(const RunEvidence& evidence, const drift::ProvenHops& proven,
                           std::span<const AddressStates> known, const Absences& remembered,
                           std::span<const Finding> findings, const AbsenceTerms& terms);

// Lays the changes of a run over what was remembered.
void Apply(const AbsencesOfRun& run, Absences& absences);

}  // namespace postern::daemon

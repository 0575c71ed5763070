// What a judgement says of any finding, whatever it is about: the one place where the life of
// findings asks about their kinds.
#pragma once

#include <optional>
#include <set>

#include "core/finding.h"
#include "drift/judgement.h"
#include "drift/port_grounds.h"

namespace postern::drift {

// Keeps a reference to the judgement.
class Grounds {
 public:
  explicit Grounds(const Judgement& judgement);

  // Whether the judgement is about such findings at all.
  bool Concern(const Drift& drift) const;
  // Whether the drift that the judgement brings for `finding` was observed just now, and not only
  // concluded from what was known.
  bool IsFresh(const Finding& finding, const Drift& drift) const;
  // Returns since when the finding cannot be verified because its address is absent.
  std::optional<TimePoint> UnverifiableSince(const Drift& drift) const;
  // How the finding ends without an observation. None: it does not.
  std::optional<Resolution> EndOf(const Finding& finding) const;
  // Fresh, trusted observations that the drift is there no more.
  bool Agree(const Finding& finding) const;
  // The observations that agree, in words; empty for a drift that is not of ports.
  std::string Observed(const Drift& drift) const;
  // What became of an event that an earlier run reported.
  EventEvidence EvidenceFor(const Finding& event) const;
  // A newer sight of the same event.
  Drift Renewed(const Drift& event, const Drift& newer) const;

 private:
  // The answer for a finding about a name, if it counts; null if not.
  const NameAnswer* FreshAnswer(const Finding& finding) const;
  // The absence of an unlisted host; null if it has none.
  const Absence* AbsenceOf(const Drift& unlisted) const;

  const Judgement& in_;
  PortGrounds ports_;
  std::set<IpAddress> listed_;
};

}  // namespace postern::drift

// What the drift functions look at: one address of one host of the policy, with what is known of it
// before and after a run. Plain values; the functions that take them do no I/O and read no clock.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/absence.h"
#include "core/snapshot.h"
#include "policy/policy.h"

namespace postern::drift {

struct JudgedAddress {
  const policy::Host* host = nullptr;  // never null; owned by the policy
  std::string subject;   // what identity goes by: the address, or the DNS name it was found by
  AddressStates before;  // the newest trusted verdict of each port before the run; never unknown
  AddressStates fresh;   // the run's own trusted verdicts; never unknown; empty without a run
  AddressStates now;     // `fresh` laid over `before`
  // Set while the address cannot be verified, by this run or by those before it. Then `fresh` is
  // empty, and `now` has the verdicts that were proven before and fills only what was unknown.
  std::optional<Absence> absence;
  // The run met the absence itself, has proof of the path, and met no open port before.
  bool unreachable_now = false;

  const IpAddress& address() const { return now.address; }
};

// Lays a run's verdicts over what was known. Unknown ones are left out: they say nothing of the
// target. `seen` is null where the run did not ask this address or cannot be trusted for its
// family.
JudgedAddress Judge(const policy::Host& host, std::string subject, AddressStates before,
                    const AddressStates* seen);
// Returns the address as a run leaves it that met it absent: `seen` proves nothing against what was
// known. An address that is gone is known by what was seen all the same. `vouched`: the run has
// proof of the path.
JudgedAddress WithAbsence(JudgedAddress judged, const AddressStates& seen, const Absence& absence,
                          bool vouched);

}  // namespace postern::drift

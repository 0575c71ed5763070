#include "daemon/probe_cost.h"

namespace postern::daemon {

PortsLastSeen& PortsLastSeen::operator+=(const PortsLastSeen& other) {
  answered += other.answered;
  silent += other.silent;
  unseen += other.unseen;
  return *this;
}

PortsLastSeen CountLastSeen(const PortSet& ports, const AddressStates* known) {
  PortsLastSeen seen;
  seen.unseen = ports.size();
  if (known == nullptr) return seen;
  for (const auto protocol : kProtocols) {
    const auto states = known->of(protocol).Restricted(ports.ranges(protocol)).Known();
    for (const auto& [range, verdict] : states.ranges()) {
      (IsSilence(verdict.reason) ? seen.silent : seen.answered) += range.size();
    }
  }
  seen.unseen -= seen.answered + seen.silent;
  return seen;
}

PortsLastSeen CountLastSeen(const scanner::ScanPlan& plan, std::span<const AddressStates> known) {
  PortsLastSeen seen;
  for (const auto& states : known) seen += CountLastSeen(plan.PortsOf(states.address), &states);
  seen.unseen = plan.size() - seen.answered - seen.silent;
  return seen;
}

}  // namespace postern::daemon

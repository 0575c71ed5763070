#include "daemon/family_route.h"

#include <algorithm>
#include <vector>

#include "core/log.h"
#include "scanner/route.h"

namespace postern::daemon {
namespace {

// Where none of so many has a route, none of them all has one that matters.
constexpr std::size_t kMaxAsked = 64;

bool IsUnknown(const AddressStates& states) {
  return std::ranges::all_of(states.ports, [](const PortStates& ports) {
    return ports.Count(PortState::kUnknown) == ports.size();
  });
}

}  // namespace

bool LacksRoute(const Snapshot& snapshot, Family family) {
  std::vector<IpAddress> addresses;
  for (const auto& states : snapshot.addresses) {
    if (states.address.family() != family) continue;
    if (!IsUnknown(states)) return false;
    if (addresses.size() < kMaxAsked) addresses.push_back(states.address);
  }
  if (addresses.empty()) return false;
  const auto answers = scanner::Routes().ToEach(addresses, std::nullopt, 0);
  return std::ranges::all_of(answers, [](const scanner::Routes::Answer& answer) {
    return !answer.route || answer.route->source.IsLinkLocal();
  });
}

void LogLackOfRoute(Family family, const std::string& viewpoint) {
  const auto other = family == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4;
  Log(LogLevel::kWarning,
      "there is no route to any address of a family, and all of them are unknown; if this "
      "viewpoint "
      "never has it, set families in the policy's viewpoints",
      {{"family", std::string(ToString(family))},
       {"viewpoint", viewpoint},
       {"hint", "viewpoints." + viewpoint + ".families: [" + std::string(ToString(other)) + "]"}});
}

}  // namespace postern::daemon

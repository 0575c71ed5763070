#include "daemon/family_route.h"

#include <algorithm>
#include <vector>

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

}  // namespace postern::daemon

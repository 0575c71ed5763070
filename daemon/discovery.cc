#include "daemon/discovery.h"

#include <algorithm>
#include <set>

namespace postern::daemon {
namespace {

enum class Part : std::uint8_t { kNone, kSome, kAll };

bool Holds(const Prefix& outer, const Prefix& inner) {
  return outer.length() <= inner.length() && outer.Contains(inner.base());
}

bool Overlap(const Prefix& a, const Prefix& b) { return Holds(a, b) || Holds(b, a); }

template <typename Test>
bool Any(const std::vector<Prefix>& prefixes, const Test& test) {
  return std::any_of(prefixes.begin(), prefixes.end(), test);
}

// How much of `range` lies in `scope`, as far as single prefixes of the scope tell; kSome may turn
// out to be more in the halves of the range.
Part PartIn(const policy::AddressScope& scope, const Prefix& range) {
  const auto holds = [&](const Prefix& prefix) { return Holds(prefix, range); };
  const auto overlaps = [&](const Prefix& prefix) { return Overlap(prefix, range); };
  if (Any(scope.exclude, holds) || !Any(scope.include, overlaps)) return Part::kNone;
  return Any(scope.include, holds) && !Any(scope.exclude, overlaps) ? Part::kAll : Part::kSome;
}

Part PartThatMayBeProbed(const policy::Policy& policy, std::string_view viewpoint,
                         const Prefix& range) {
  const auto part = PartIn(policy.scope, range);
  const auto at = policy.viewpoints.find(std::string(viewpoint));
  if (at == policy.viewpoints.end() || part == Part::kNone) return part;
  auto narrowed = at->second.scope;
  if (narrowed.include.empty()) narrowed.include = policy.scope.include;
  return std::min(part, PartIn(narrowed, range));
}

// The parts of `range` that may be probed. A single address is in the scope or not, so that halving
// ends.
void AddProbed(const policy::Policy& policy, std::string_view viewpoint, const Prefix& range,
               std::vector<Prefix>& ranges) {
  switch (PartThatMayBeProbed(policy, viewpoint, range)) {
    case Part::kNone:
      return;
    case Part::kAll:
      ranges.push_back(range);
      return;
    case Part::kSome:
      break;
  }
  const int length = range.length() + 1;
  AddProbed(policy, viewpoint, Prefix(range.base(), length), ranges);
  AddProbed(policy, viewpoint, Prefix(range.base().Plus(range.size() / 2), length), ranges);
}

// Null if no network with wanted unlisted hosts holds it.
const policy::Network* NetworkOf(const policy::Policy& policy, const IpAddress& address) {
  const policy::Network* narrowest = nullptr;
  for (const auto& network : policy.networks) {
    if (!network.cidr.Contains(address)) continue;
    if (narrowest == nullptr || network.cidr.length() > narrowest->cidr.length()) {
      narrowest = &network;
    }
  }
  return narrowest != nullptr && narrowest->report_unlisted ? narrowest : nullptr;
}

}  // namespace

scanner::DiscoverRequest DiscoveryOf(const policy::Policy& policy, std::string_view viewpoint) {
  scanner::DiscoverRequest request;
  for (const auto& network : policy.networks) {
    if (!network.report_unlisted) continue;
    if (network.cidr.size() <= scanner::kLargestSweep) {
      AddProbed(policy, viewpoint, network.cidr, request.ranges);
    } else if (PartThatMayBeProbed(policy, viewpoint, network.cidr) != Part::kNone) {
      request.ranges.push_back(network.cidr);
    }
  }
  request.may_multicast = [&policy, name = std::string(viewpoint)](const Prefix& range) {
    return PartThatMayBeProbed(policy, name, range) == Part::kAll;
  };
  return request;
}

std::vector<UnlistedHost> FindUnlisted(const policy::Policy& policy, const Targets& targets,
                                       const std::vector<scanner::UpHost>& up) {
  std::set<IpAddress> named;
  for (const auto& target : targets.list) named.insert(target.address);
  std::vector<UnlistedHost> unlisted;
  for (const auto& host : up) {
    if (policy.HostOf(host.address) != nullptr || named.contains(host.address)) continue;
    if (const auto* network = NetworkOf(policy, host.address)) unlisted.push_back({host, network});
  }
  return unlisted;
}

}  // namespace postern::daemon

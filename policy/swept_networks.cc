#include "policy/swept_networks.h"

#include <algorithm>
#include <string>

namespace postern::policy {
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
Part PartIn(const AddressScope& scope, const Prefix& range) {
  const auto holds = [&](const Prefix& prefix) { return Holds(prefix, range); };
  const auto overlaps = [&](const Prefix& prefix) { return Overlap(prefix, range); };
  if (Any(scope.exclude, holds) || !Any(scope.include, overlaps)) return Part::kNone;
  return Any(scope.include, holds) && !Any(scope.exclude, overlaps) ? Part::kAll : Part::kSome;
}

// What of a scope touches `range`: the rest need not be looked at again for its halves.
AddressScope Touching(const AddressScope& scope, const Prefix& range) {
  AddressScope touching;
  const auto overlaps = [&](const Prefix& prefix) { return Overlap(prefix, range); };
  std::ranges::copy_if(scope.include, std::back_inserter(touching.include), overlaps);
  std::ranges::copy_if(scope.exclude, std::back_inserter(touching.exclude), overlaps);
  return touching;
}

// The scopes that all must hold an address for it to be probed.
std::vector<AddressScope> ScopesOf(const Policy& policy, std::string_view viewpoint) {
  std::vector<AddressScope> scopes{policy.scope};
  const auto at = policy.viewpoints.find(std::string(viewpoint));
  if (at == policy.viewpoints.end()) return scopes;
  scopes.push_back(at->second.scope);
  if (scopes.back().include.empty()) scopes.back().include = policy.scope.include;
  return scopes;
}

Part PartIn(const std::vector<AddressScope>& scopes, const Prefix& range) {
  Part part = Part::kAll;
  for (const auto& scope : scopes) part = std::min(part, PartIn(scope, range));
  return part;
}

// Precondition: more than one address, and at most 2^64: a network is no larger than a link.
std::pair<Prefix, Prefix> Halves(const Prefix& range) {
  const int length = range.length() + 1;
  const auto half = std::uint64_t{1} << static_cast<unsigned>(range.base().bits() - length);
  return {Prefix(range.base(), length), Prefix(range.base().Plus(half), length)};
}

// The parts of `range` that all scopes hold. A single address is in a scope or not, so that halving
// ends.
void AddParts(const std::vector<AddressScope>& scopes, const Prefix& range,
              std::vector<Prefix>& parts) {
  switch (PartIn(scopes, range)) {
    case Part::kNone:
      return;
    case Part::kAll:
      parts.push_back(range);
      return;
    case Part::kSome:
      break;
  }
  std::vector<AddressScope> touching;
  touching.reserve(scopes.size());
  for (const auto& scope : scopes) touching.push_back(Touching(scope, range));
  const auto [lower, upper] = Halves(range);
  AddParts(touching, lower, parts);
  AddParts(touching, upper, parts);
}

void AddWithout(const std::set<IpAddress>& left_out, const Prefix& range,
                std::vector<Prefix>& parts) {
  const auto first = left_out.lower_bound(range.base());
  if (first == left_out.end() || !range.Contains(*first)) {
    parts.push_back(range);
    return;
  }
  if (range.length() == range.base().bits()) return;
  const auto [lower, upper] = Halves(range);
  AddWithout(left_out, lower, parts);
  AddWithout(left_out, upper, parts);
}

// The policy's scopes, and what narrower networks leave of this one.
std::vector<AddressScope> ScopesOfNetwork(const Policy& policy, std::string_view viewpoint,
                                          const Network& network) {
  auto scopes = ScopesOf(policy, viewpoint);
  AddressScope own{{network.cidr}, {}};
  for (const auto& other : policy.networks) {
    if (other.cidr != network.cidr && Holds(network.cidr, other.cidr)) {
      own.exclude.push_back(other.cidr);
    }
  }
  scopes.push_back(std::move(own));
  return scopes;
}

}  // namespace

const Network* ReportedNetworkOf(const Policy& policy, const IpAddress& address) {
  const Network* narrowest = nullptr;
  for (const auto& network : policy.networks) {
    if (!network.cidr.Contains(address)) continue;
    if (narrowest == nullptr || network.cidr.length() > narrowest->cidr.length()) {
      narrowest = &network;
    }
  }
  return narrowest != nullptr && narrowest->report_unlisted ? narrowest : nullptr;
}

const Network* FindReportedNetwork(const Policy& policy, std::string_view range) {
  const auto at = std::ranges::find_if(policy.networks, [&](const Network& network) {
    return network.report_unlisted && network.cidr.ToString() == range;
  });
  return at == policy.networks.end() ? nullptr : &*at;
}

bool MayProbeAll(const Policy& policy, std::string_view viewpoint, const Prefix& range) {
  return policy.HasFamily(viewpoint, range.family()) &&
         PartIn(ScopesOf(policy, viewpoint), range) == Part::kAll;
}

std::vector<Prefix> SweptParts(const Policy& policy, std::string_view viewpoint,
                               const Network& network, const std::set<IpAddress>& left_out) {
  if (!policy.HasFamily(viewpoint, network.cidr.family())) return {};
  std::vector<Prefix> parts;
  if (!network.IsWatchedFrom(viewpoint)) return parts;
  AddParts(ScopesOfNetwork(policy, viewpoint, network), network.cidr, parts);
  std::vector<Prefix> swept;
  for (const auto& part : parts) AddWithout(left_out, part, swept);
  return swept;
}

bool IsSwept(const Policy& policy, std::string_view viewpoint, const Network& network) {
  return !SweptParts(policy, viewpoint, network, {}).empty();
}

}  // namespace postern::policy

#include "drift/unlisted_hosts.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "policy/swept_networks.h"

namespace postern::drift {
namespace {

// Fewer addresses than this are hosts, however alike they answer.
constexpr std::size_t kFewestAlike = 4;

using Answer = std::pair<Reason, std::string>;  // what answered, and who on the link
using Alike = std::map<Answer, std::vector<const LiveAddress*>>;

bool IsOfNetwork(const Drift& drift) { return drift.subject != drift.address.ToString(); }

// The addresses that were asked, by the network that they are of.
std::map<const policy::Network*, std::uint64_t> CountAsked(const policy::Policy& policy,
                                                           const Discovery& discovery) {
  std::map<const policy::Network*, std::uint64_t> asked;
  for (const auto& range : discovery.asked) {
    asked[policy::ReportedNetworkOf(policy, range.base())] += range.size();
  }
  return asked;
}

std::uint64_t CountUnknown(const policy::Policy& policy, const policy::Network& network,
                           const Discovery& discovery) {
  return static_cast<std::uint64_t>(std::ranges::count_if(discovery.unknown, [&](const auto& at) {
    return policy::ReportedNetworkOf(policy, at) == &network;
  }));
}

// Null if there is none.
Alike::mapped_type* Largest(Alike& groups) {
  const auto largest = std::ranges::max_element(
      groups, {}, [](const Alike::value_type& group) { return group.second.size(); });
  return largest == groups.end() ? nullptr : &largest->second;
}

Alike GroupsOf(const std::vector<const LiveAddress*>& hosts) {
  Alike groups;
  for (const auto* host : hosts) groups[{host->sign, host->responder}].push_back(host);
  return groups;
}

bool AnswersAlike(std::uint64_t alike, std::uint64_t asked) {
  return alike >= kFewestAlike && alike * 2 > asked;
}

// Sets the group of most addresses apart where it is more than half of the network's.
void SplitAlike(std::uint64_t asked, UnlistedHosts& unlisted) {
  // On a link not every address is asked, and one host may well have most of those that are.
  if (unlisted.network->on_link) return;
  auto groups = GroupsOf(unlisted.hosts);
  auto* largest = Largest(groups);
  if (largest == nullptr || !AnswersAlike(largest->size(), asked)) return;
  unlisted.alike = std::move(*largest);
  const std::set<const LiveAddress*> alike(unlisted.alike.begin(), unlisted.alike.end());
  std::erase_if(unlisted.hosts, [&](const LiveAddress* host) { return alike.contains(host); });
}

PortSet OpenPorts(const AddressStates& states) {
  PortSet open;
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      if (range.verdict.state == PortState::kOpen) open.Add(protocol, range.ports);
    }
  }
  return open;
}

Drift DriftOf(const policy::Network& network, const LiveAddress& host) {
  Drift drift;
  drift.kind = DriftKind::kUnlistedHost;
  drift.severity = Severity::kWarning;
  drift.subject = host.address.ToString();
  drift.host = drift.subject;
  drift.owner = network.owner;
  drift.address = host.address;
  drift.observed = {PortState::kOpen, host.sign};
  drift.expected = "no unlisted host in " + network.cidr.ToString();
  drift.rule = ToString(network.where);
  return drift;
}

}  // namespace

std::vector<UnlistedHosts> FindUnlisted(const policy::Policy& policy, std::string_view viewpoint,
                                        const std::set<IpAddress>& listed,
                                        const Discovery& discovery) {
  std::map<const policy::Network*, UnlistedHosts> by_network;
  for (const auto& host : discovery.up) {
    if (policy.HostOf(host.address) != nullptr || listed.contains(host.address)) continue;
    if (!policy.MayProbe(host.address, viewpoint)) continue;
    const auto* network = policy::ReportedNetworkOf(policy, host.address);
    if (network == nullptr || !network->IsWatchedFrom(viewpoint)) continue;
    by_network[network].network = network;
    by_network[network].hosts.push_back(&host);
  }
  auto asked = CountAsked(policy, discovery);
  std::vector<UnlistedHosts> all;
  for (const auto& network : policy.networks) {
    const auto found = by_network.find(&network);
    if (found == by_network.end()) continue;
    SplitAlike(asked[&network], found->second);
    all.push_back(std::move(found->second));
  }
  return all;
}

std::vector<Drift> UnlistedDrift(std::span<const UnlistedHosts> unlisted,
                                 std::span<const AddressStates> seen) {
  std::vector<Drift> drifts;
  for (const auto& in : unlisted) {
    for (const auto* host : in.hosts) {
      drifts.push_back(DriftOf(*in.network, *host));
      const auto at = std::ranges::lower_bound(seen, host->address, {}, &AddressStates::address);
      if (at != seen.end() && at->address == host->address) drifts.back().ports = OpenPorts(*at);
    }
    if (in.alike.empty()) continue;
    auto whole = DriftOf(*in.network, *in.alike.front());
    whole.subject = in.network->cidr.ToString();
    whole.host = whole.subject;
    whole.address = in.network->cidr.base();
    drifts.push_back(std::move(whole));
  }
  return drifts;
}

std::optional<Resolution> EndOfUnlisted(const Drift& drift, const policy::Policy& policy,
                                        std::string_view viewpoint,
                                        const std::set<IpAddress>& listed) {
  if (IsOfNetwork(drift)) {
    const auto* network = policy::FindReportedNetwork(policy, drift.subject);
    if (network == nullptr) return Resolution::kPolicy;
    if (!policy::IsSwept(policy, viewpoint, *network)) return Resolution::kWithdrawn;
    return std::nullopt;
  }
  if (!policy.MayProbe(drift.address, viewpoint)) return Resolution::kWithdrawn;
  const bool named = policy.HostOf(drift.address) != nullptr || listed.contains(drift.address);
  const auto* network = policy::ReportedNetworkOf(policy, drift.address);
  if (named || network == nullptr) return Resolution::kPolicy;
  if (!network->IsWatchedFrom(viewpoint)) return Resolution::kWithdrawn;
  return std::nullopt;
}

bool IsSilent(const Drift& drift, const Discovery& discovery) {
  return !IsOfNetwork(drift) && discovery.Asked(drift.address) &&
         !discovery.IsUnknown(drift.address) && discovery.FindUp(drift.address) == nullptr;
}

bool AnswersNoLongerAlike(const Drift& drift, const policy::Policy& policy,
                          const Discovery& discovery) {
  if (!IsOfNetwork(drift)) return false;
  const auto* network = policy::FindReportedNetwork(policy, drift.subject);
  if (network == nullptr) return false;
  std::vector<const LiveAddress*> hosts;
  for (const auto& host : discovery.up) {
    if (policy::ReportedNetworkOf(policy, host.address) == network) hosts.push_back(&host);
  }
  auto groups = GroupsOf(hosts);
  const auto* largest = Largest(groups);
  const auto most =
      (largest == nullptr ? 0 : largest->size()) + CountUnknown(policy, *network, discovery);
  const auto asked = CountAsked(policy, discovery)[network];
  return asked > 0 && !AnswersAlike(most, asked);
}

bool StandsFor(const Drift& whole, const Drift& drift) {
  if (whole.kind != DriftKind::kUnlistedHost || drift.kind != DriftKind::kUnlistedHost) {
    return false;
  }
  if (!IsOfNetwork(whole) || IsOfNetwork(drift)) return false;
  const auto range = Prefix::Parse(whole.subject);
  return range && range->Contains(drift.address);
}

}  // namespace postern::drift

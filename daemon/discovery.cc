#include "daemon/discovery.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "policy/swept_networks.h"
#include "scanner/route.h"
#include "scanner/syn_scan.h"

namespace postern::daemon {
namespace {

// One could be down, and one that limits its answers late.
constexpr std::size_t kWitnesses = 4;

Reason ReasonOf(scanner::UpSign sign) {
  using scanner::UpSign;
  switch (sign) {
    case UpSign::kArp:
      return {Reason::Kind::kArp, 0, 0};
    case UpSign::kNdp:
      return {Reason::Kind::kNeighbourDiscovery, 0, 0};
    case UpSign::kEcho:
      return {Reason::Kind::kEcho, 0, 0};
    case UpSign::kTimestamp:
      return {Reason::Kind::kTimestamp, 0, 0};
    case UpSign::kSynAck:
      return {Reason::Kind::kSynAck, 0, 0};
    case UpSign::kReset:
      return {Reason::Kind::kReset, 0, 0};
    case UpSign::kIcmpError:
      return {Reason::Kind::kHostIcmp, 0, 0};
  }
  return {};
}

std::string ToText(const scanner::LinkAddress& address) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : address) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

// Which of them are addresses of this machine.
std::vector<bool> AreLocal(const std::vector<IpAddress>& addresses) {
  scanner::Routes routes;
  std::vector<bool> local;
  for (const auto& answer : routes.ToEach(addresses, std::nullopt, 0)) {
    local.push_back(answer.route && answer.route->local);
  }
  return local;
}

std::vector<LiveAddress> LiveAddresses(const std::vector<scanner::UpHost>& hosts,
                                       const std::set<IpAddress>& listed) {
  std::vector<IpAddress> addresses;
  addresses.reserve(hosts.size());
  for (const auto& host : hosts) addresses.push_back(host.address);
  const auto local = AreLocal(addresses);
  std::vector<LiveAddress> live;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto& host = hosts[i];
    if (listed.contains(host.address)) continue;
    live.push_back({host.address, ReasonOf(host.sign),
                    host.link_address ? ToText(*host.link_address) : std::string(), local[i]});
  }
  return live;
}

// Of the address's TCP ports.
std::optional<std::uint16_t> OpenPort(const AddressStates& states) {
  for (const auto& range : states.of(Protocol::kTcp).ranges()) {
    if (range.verdict.state == PortState::kOpen) return range.ports.first;
  }
  return std::nullopt;
}

// With raw packets where this process may send them, else by connections.
scanner::DiscoverResult Ask(const scanner::DiscoverRequest& request, scanner::RateLimiter& limiter,
                            const std::stop_token& stop) {
  if (auto found = scanner::Discover(request, limiter, stop)) return *std::move(found);
  return scanner::DiscoverByConnect(request, limiter, stop);
}

}  // namespace

scanner::DiscoverRequest DiscoveryOf(const policy::Policy& policy, std::string_view viewpoint,
                                     const std::set<IpAddress>& listed,
                                     std::span<const Finding> findings) {
  scanner::DiscoverRequest request;
  for (const auto& network : policy.networks) {
    if (!network.report_unlisted) continue;
    if (network.on_link) {
      // As a whole or not at all: a multicast reaches every host.
      if (policy::IsSwept(policy, viewpoint, network)) request.links.push_back(network.cidr);
      continue;
    }
    const auto parts = policy::SweptParts(policy, viewpoint, network, listed);
    request.ranges.insert(request.ranges.end(), parts.begin(), parts.end());
  }
  for (const auto& finding : findings) {
    if (finding.drift.kind != DriftKind::kUnlistedHost) continue;
    if (finding.state != FindingState::kResolved) request.known.push_back(finding.drift.address);
  }
  request.wanted = [&policy, &listed, name = std::string(viewpoint)](const IpAddress& address) {
    const auto* network = policy::ReportedNetworkOf(policy, address);
    return network != nullptr && network->on_link && network->IsWatchedFrom(name) &&
           policy.MayProbe(address, name) && policy.HostOf(address) == nullptr &&
           !listed.contains(address);
  };
  return request;
}

Sighting LookForHosts(const scanner::DiscoverRequest& request, const std::set<IpAddress>& listed,
                      scanner::RateLimiter& limiter, const std::stop_token& stop) {
  auto result = Ask(request, limiter, stop);
  Sighting sighting;
  sighting.discovery.up = LiveAddresses(result.up, listed);
  sighting.discovery.unknown = std::move(result.unknown);
  sighting.discovery.asked = std::move(result.asked);
  sighting.coverage = std::move(result.coverage);
  sighting.refused = std::move(result.refused);
  return sighting;
}

AnsweringTargets LookForTargets(const std::vector<Target>& targets, std::uint64_t seed,
                                const std::function<bool(const IpAddress&)>& may_probe,
                                scanner::RateLimiter& limiter, const std::stop_token& stop) {
  scanner::DiscoverRequest request;
  for (const auto& target : targets) {
    request.ranges.emplace_back(target.address, target.address.bits());
  }
  request.seed = seed;
  request.may_probe = may_probe;
  auto result = Ask(request, limiter, stop);

  std::set<IpAddress> wanted(result.unknown.begin(), result.unknown.end());
  for (const auto& host : result.up) wanted.insert(host.address);
  AnsweringTargets answering{.list = {}, .coverage = std::move(result.coverage)};
  for (const auto& target : targets) {
    if (wanted.contains(target.address)) answering.list.push_back(target);
  }
  return answering;
}

void AddUnlisted(std::span<const drift::UnlistedHosts> unlisted, const PortSet& ports,
                 scanner::ScanPlan& plan) {
  std::vector<Prefix> addresses;
  for (const auto& in : unlisted) {
    for (const auto* host : in.hosts) addresses.emplace_back(host->address, host->address.bits());
  }
  plan.Add(addresses, ports);
}

scanner::ScanPlan WitnessesOf(std::span<const AddressStates> known) {
  std::vector<IpAddress> addresses;
  addresses.reserve(known.size());
  for (const auto& last : known) addresses.push_back(last.address);
  const auto local = AreLocal(addresses);
  scanner::ScanPlan plan;
  std::array<std::size_t, 2> chosen{};
  for (std::size_t i = 0; i < known.size(); ++i) {
    const auto& address = addresses[i];
    auto& of_family = chosen[static_cast<std::size_t>(address.family())];
    const auto port = OpenPort(known[i]);
    if (!port || local[i] || of_family == kWitnesses) continue;
    ++of_family;
    plan.Add({Prefix(address, address.bits())}, PortSet::Of(Protocol::kTcp, {{*port, *port}}));
  }
  return plan;
}

}  // namespace postern::daemon

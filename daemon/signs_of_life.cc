#include "daemon/signs_of_life.h"

#include <algorithm>
#include <utility>

#include "drift/presence.h"
#include "scanner/discover.h"
#include "scanner/method.h"
#include "scanner/route.h"

namespace postern::daemon {
namespace {

// Adds ports of `known` that `wanted` holds for and that `seen` was not asked, up to the limit.
template <typename Wanted>
void AddUnasked(const AddressStates& known, const AddressStates& seen, Wanted wanted,
                PortSet& ports) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : known.of(protocol).ranges()) {
      if (ports.size() == kMaxSignEndpoints) return;
      if (!wanted(range.verdict)) continue;
      auto candidates = PortSet::Of(protocol, {range.ports});
      for (const auto& asked : seen.of(protocol).Asked()) candidates.Remove(protocol, asked);
      const auto room = kMaxSignEndpoints - ports.size();
      ports.Add(candidates.Slice(0, std::min(room, candidates.size())));
    }
  }
}

PortSet LastAnswered(const AddressStates& known, const AddressStates& seen) {
  PortSet ports;
  const auto is_open = [](const Verdict& verdict) { return verdict.state == PortState::kOpen; };
  AddUnasked(known, seen, is_open, ports);
  AddUnasked(
      known, seen,
      [&](const Verdict& verdict) { return !is_open(verdict) && drift::IsOwnAnswer(verdict); },
      ports);
  return ports;
}

// Adds endpoints that answered the run, up to the limit: open ones if there are any.
void AddWitnesses(const AddressStates& seen, PortSet& ports) {
  const bool open = drift::HasOpenPort(seen);
  for (const auto protocol : kProtocols) {
    for (const auto& [range, verdict] : seen.of(protocol).ranges()) {
      if (ports.size() == kMaxSignEndpoints) return;
      if (open ? verdict.state != PortState::kOpen : !drift::IsOwnAnswer(verdict)) continue;
      const auto candidates = PortSet::Of(protocol, {range});
      const auto room = kMaxSignEndpoints - ports.size();
      ports.Add(candidates.Slice(0, std::min(room, candidates.size())));
    }
  }
}

bool NeedsSign(const AddressStates& seen, const AddressStates* known, bool was_absent) {
  if (!drift::HasVerdict(seen)) return false;
  if (!drift::HasOwnAnswer(seen)) return true;
  if (was_absent && !drift::HasOpenPort(seen)) return true;
  return known != nullptr && drift::LostEveryOpenPortAsked(*known, seen);
}

// The part of `states` that the address answered itself.
PortStates OwnAnswers(const PortStates& states) {
  PortStates answered;
  for (const auto& [ports, verdict] : states.ranges()) {
    if (drift::IsOwnAnswer(verdict)) answered.Append(ports, verdict);
  }
  return answered;
}

scanner::ScanResult AskEndpoints(const std::map<IpAddress, PortSet>& endpoints,
                                 const SignRequest& request, scanner::RateLimiter& limiter,
                                 const std::stop_token& stop) {
  scanner::ScanRequest scan;
  for (const auto& [address, ports] : endpoints) {
    scan.plan.Add({Prefix(address, address.bits())}, ports);
  }
  scan.tries = 1;
  scan.max_tries = 1;
  scan.seed = request.seed;
  scan.may_probe = request.may_probe;
  return scanner::Scan(scan, scanner::Method::kAuto, limiter, stop);
}

// By ICMP echo, on a link by ARP or neighbour discovery; without the privilege by connections.
scanner::DiscoverResult AskAddresses(std::vector<Prefix> addresses, const SignRequest& request,
                                     scanner::RateLimiter& limiter, const std::stop_token& stop) {
  scanner::DiscoverRequest discover;
  discover.ranges = std::move(addresses);
  discover.tries = 1;
  discover.probes = {scanner::DiscoveryProbe::kEcho};
  discover.seed = request.seed;
  discover.may_probe = request.may_probe;
  if (auto found = scanner::Discover(discover, limiter, stop)) return *std::move(found);
  return scanner::DiscoverByConnect(discover, limiter, stop);
}

// Without what the part says of verdicts: its silence makes none.
Coverage TrafficOf(Coverage part) {
  part.asked = part.unknown = 0;
  part.estimated_loss = part.miss_probability = 0;
  return part;
}

FirstHops HopsTo(const Snapshot& snapshot, const std::vector<IpAddress>& others) {
  std::vector<IpAddress> addresses = others;
  for (const auto& states : snapshot.addresses) addresses.push_back(states.address);
  scanner::Routes routes;
  const auto answers = routes.ToEach(addresses, std::nullopt, 0);
  FirstHops hops;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (!answers[i].route) continue;
    const auto& route = *answers[i].route;
    hops[addresses[i]] = {route.interface, route.gateway, route.local};
  }
  return hops;
}

}  // namespace

std::map<IpAddress, PortSet> EndpointsForSigns(const Snapshot& snapshot,
                                               std::span<const AddressStates> known,
                                               const Absences& absences) {
  std::map<IpAddress, PortSet> endpoints;
  for (const auto& seen : snapshot.addresses) {
    const auto* last = drift::FindStates(known, seen.address);
    if (last == nullptr) continue;
    PortSet ports;
    if (NeedsSign(seen, last, absences.contains(seen.address))) ports = LastAnswered(*last, seen);
    if (drift::HasChanged(*last, seen)) AddWitnesses(seen, ports);
    if (!ports.empty()) endpoints[seen.address] = std::move(ports);
  }
  return endpoints;
}

bool NeedsEcho(const AddressStates& seen, std::span<const AddressStates> answers) {
  if (!drift::HasVerdict(seen)) return false;
  const auto* again = drift::FindStates(answers, seen.address);
  return !drift::HasOwnAnswer(seen) || (again != nullptr && drift::TurnedAway(seen, *again));
}

std::uint64_t AddOwnAnswers(const std::vector<AddressStates>& answers, Snapshot& snapshot) {
  std::uint64_t count = 0;
  for (const auto& states : answers) {
    const auto at =
        std::ranges::lower_bound(snapshot.addresses, states.address, {}, &AddressStates::address);
    if (at == snapshot.addresses.end() || at->address != states.address) continue;
    for (const auto protocol : kProtocols) {
      auto& seen = at->of(protocol);
      const auto before = seen.size();
      auto all = OwnAnswers(states.of(protocol));
      all.Overlay(seen);
      seen = std::move(all);
      count += seen.size() - before;
    }
  }
  return count;
}

SignsOfLife AskForSigns(const SignRequest& request, Snapshot& snapshot,
                        scanner::RateLimiter& limiter, const std::stop_token& stop) {
  SignsOfLife signs;
  signs.coverage.complete = true;
  signs.hops = HopsTo(snapshot, request.others);
  const auto endpoints = EndpointsForSigns(snapshot, request.known, request.absences);
  if (!endpoints.empty()) {
    auto result = AskEndpoints(endpoints, request, limiter, stop);
    signs.coverage.Add(TrafficOf(result.coverage));
    signs.coverage.asked += AddOwnAnswers(result.addresses, snapshot);
    signs.answers = std::move(result.addresses);
  }
  std::vector<Prefix> silent;
  for (const auto& states : snapshot.addresses) {
    if (NeedsEcho(states, signs.answers))
      silent.emplace_back(states.address, states.address.bits());
  }
  if (!silent.empty() && !stop.stop_requested()) {
    auto found = AskAddresses(std::move(silent), request, limiter, stop);
    signs.coverage.Add(TrafficOf(found.coverage));
    for (const auto& host : found.up) signs.alive.insert(host.address);
  }
  return signs;
}

SignsOfLife SignsWithin(const Snapshot& snapshot) {
  SignsOfLife signs;
  for (const auto& states : snapshot.addresses) signs.hops[states.address] = FirstHop{};
  return signs;
}

}  // namespace postern::daemon

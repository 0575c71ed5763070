#include "scanner/discover.h"

#include <algorithm>
#include <utility>

#include "scanner/connect_scan.h"
#include "scanner/link_sweep.h"
#include "scanner/sweep.h"
#include "scanner/syn_scan.h"

namespace postern::scanner {
namespace {

// Two prefixes share addresses only where one holds the other, and a shorter one sorts first.
std::vector<Prefix> Disjoint(std::vector<Prefix> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<Prefix> disjoint;
  for (const auto& range : ranges) {
    if (disjoint.empty() || !disjoint.back().Contains(range.base())) disjoint.push_back(range);
  }
  return disjoint;
}

std::vector<UpHost> InOrder(const UpHosts& up) {
  std::vector<UpHost> hosts;
  hosts.reserve(up.size());
  for (const auto& [address, host] : up) hosts.push_back(host);
  return hosts;
}

// Takes the ranges that can be asked address by address; the others are refused.
std::vector<Prefix> Sweepable(const std::vector<Prefix>& ranges, DiscoverResult& result) {
  std::vector<Prefix> sweepable;
  for (const auto& range : ranges) {
    if (range.size() <= kLargestSweep) {
      sweepable.push_back(range);
    } else {
      result.refused.push_back({range, TooLargeText(range) + "; name smaller ranges"});
    }
  }
  return sweepable;
}

// Looks at the links, and adds the addresses that are to be asked there to `addresses`.
void SweepLinks(const SweepTools& tools, UpHosts& up, std::vector<Prefix>& addresses,
                DiscoverResult& result) {
  const auto& request = tools.request;
  for (const auto& range : Disjoint(request.links)) {
    auto found = SweepLink(range, tools, up, result.coverage);
    result.coverage.complete &= found.complete;
    if (!found.refused.empty()) {
      result.refused.push_back({range, std::move(found.refused)});
      continue;
    }
    for (const auto& address : request.known) {
      if (range.Contains(address)) found.candidates.insert(address);
    }
    for (const auto& address : found.candidates) {
      if (request.wanted && !request.wanted(address)) continue;
      addresses.emplace_back(address, address.bits());
    }
  }
}

bool Holds(const PortStates& ports, PortState state) { return ports.Count(state) > 0; }

// What connections to some ports of each address say of the address.
void ReadConnections(const std::vector<AddressStates>& addresses, DiscoverResult& result) {
  for (const auto& states : addresses) {
    const auto& ports = states.of(Protocol::kTcp);
    if (Holds(ports, PortState::kOpen)) {
      result.up.push_back({states.address, UpSign::kSynAck, std::nullopt, std::nullopt});
    } else if (Holds(ports, PortState::kClosed)) {
      result.up.push_back({states.address, UpSign::kReset, std::nullopt, std::nullopt});
    } else if (Holds(ports, PortState::kUnknown)) {
      result.unknown.push_back(states.address);
    }
  }
}

}  // namespace

Result<DiscoverResult> Discover(const DiscoverRequest& request, RateLimiter& limiter,
                                const std::stop_token& stop) {
  if (!MaySendRaw()) {
    return Error{
        "finding hosts needs raw packets, which this process may not send; run it as root, give "
        "the program the right with `setcap cap_net_raw+ep`, or take the hosts for up without "
        "asking (assume_up)"};
  }
  DiscoverResult result;
  result.coverage.complete = true;
  const DiscoveryProbes probes;
  DiscoveryPaths paths(request.source, request.interface, probes.Filter());
  const SweepTools tools{request, probes, paths, limiter, stop};
  UpHosts up;

  auto addresses = Sweepable(Disjoint(request.ranges), result);
  SweepLinks(tools, up, addresses, result);
  result.asked = Disjoint(std::move(addresses));

  Sweep sweep(result.asked, tools, up, result.coverage);
  result.coverage.complete &= sweep.Run() && result.refused.empty();
  result.unknown = sweep.TakeUnknown();
  result.up = InOrder(up);
  return result;
}

DiscoverResult DiscoverByConnect(const DiscoverRequest& request, RateLimiter& limiter,
                                 const std::stop_token& stop) {
  DiscoverResult result;
  result.asked = Sweepable(Disjoint(request.ranges), result);
  for (const auto& range : Disjoint(request.links)) {
    result.refused.push_back({range, range.ToString() +
                                         " is to be found by multicast on its link, which needs "
                                         "raw packets (CAP_NET_RAW)"});
  }
  ScanRequest scan;
  scan.plan.Add(result.asked, PortSet::Of(Protocol::kTcp, {{80, 80}, {443, 443}}));
  scan.tries = request.tries;
  scan.seed = request.seed;
  scan.source = request.source;
  scan.interface = request.interface;
  scan.may_probe = request.may_probe;
  scan.on_progress = request.on_progress;
  auto scanned = ConnectScan(scan, limiter, stop);

  ReadConnections(scanned.addresses, result);
  result.coverage = std::move(scanned.coverage);
  result.coverage.complete &= result.refused.empty();
  result.coverage.asked = scanned.addresses.size();
  result.coverage.unknown = result.unknown.size();
  return result;
}

}  // namespace postern::scanner

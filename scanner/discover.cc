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

// Looks at the ranges too large to sweep, and adds the addresses that they lead to to `addresses`.
void SweepLinks(const std::vector<Prefix>& ranges, const SweepTools& tools, UpHosts& up,
                std::vector<Prefix>& addresses, DiscoverResult& result) {
  for (const auto& range : ranges) {
    auto found = SweepLink(range, tools, up, result.coverage);
    result.coverage.complete &= found.complete;
    if (!found.refused.empty()) result.refused.push_back(std::move(found.refused));
    for (const auto& address : found.candidates) addresses.emplace_back(address, address.bits());
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

  auto ranges = Disjoint(request.ranges);
  const auto large = std::stable_partition(ranges.begin(), ranges.end(), [](const Prefix& range) {
    return range.size() <= kLargestSweep;
  });
  const std::vector<Prefix> too_large(large, ranges.end());
  ranges.erase(large, ranges.end());
  SweepLinks(too_large, tools, up, ranges, result);

  Sweep sweep(ranges, tools, up, result.coverage);
  result.coverage.complete &= sweep.Run();
  result.up = InOrder(up);
  return result;
}

DiscoverResult DiscoverByConnect(const DiscoverRequest& request, RateLimiter& limiter,
                                 const std::stop_token& stop) {
  DiscoverResult result;
  ScanRequest scan;
  std::vector<Prefix> ranges;
  for (const auto& range : Disjoint(request.ranges)) {
    if (range.size() <= kLargestSweep) {
      ranges.push_back(range);
    } else {
      result.refused.push_back(TooLargeText(range) + "; name smaller ranges");
    }
  }
  scan.plan.Add(ranges, PortSet::Of(Protocol::kTcp, {{80, 80}, {443, 443}}));
  scan.tries = request.tries;
  scan.seed = request.seed;
  scan.source = request.source;
  scan.interface = request.interface;
  scan.may_probe = request.may_probe;
  scan.on_progress = request.on_progress;
  auto scanned = ConnectScan(scan, limiter, stop);

  result.coverage = std::move(scanned.coverage);
  result.coverage.complete &= result.refused.empty();
  result.coverage.asked = scanned.addresses.size();
  result.coverage.unknown = 0;
  for (const auto& states : scanned.addresses) {
    const auto& ports = states.of(Protocol::kTcp);
    const auto has = [&](PortState state) {
      return std::any_of(ports.ranges().begin(), ports.ranges().end(),
                         [&](const auto& range) { return range.verdict.state == state; });
    };
    if (has(PortState::kOpen) || has(PortState::kClosed)) {
      const auto sign = has(PortState::kOpen) ? UpSign::kSynAck : UpSign::kReset;
      result.up.push_back({states.address, sign, std::nullopt, std::nullopt});
    } else if (has(PortState::kUnknown)) {
      ++result.coverage.unknown;
    }
  }
  return result;
}

}  // namespace postern::scanner

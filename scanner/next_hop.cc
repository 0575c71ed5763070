#include "scanner/next_hop.h"

#include <cerrno>
#include <map>
#include <vector>

#include "scanner/connect_probe.h"

namespace postern::scanner {
namespace {

std::map<IpAddress, std::vector<std::uint64_t>> SilentOnes(const ScanRecord& record) {
  std::map<IpAddress, std::vector<std::uint64_t>> silent;
  if (record.silent() == 0) return silent;
  const auto& plan = record.plan();
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    if (record.IsSilent(i)) silent[plan.At(i).address].push_back(i);
  }
  return silent;
}

}  // namespace

void ExplainSilence(RouteWatch& watch, ScanRecord& record) {
  const auto silent = SilentOnes(record);
  std::vector<IpAddress> addresses;
  for (const auto& [address, indices] : silent) addresses.push_back(address);
  const auto hops = watch.NextHopsOf(addresses);
  std::size_t i = 0;
  for (const auto& [address, indices] : silent) {
    const auto hop = hops[i++];
    if (hop == NextHop::kFound) continue;
    if (hop == NextHop::kGatewayLost) record.CountSendError(ErrnoName(EHOSTUNREACH));
    for (const auto index : indices) {
      if (hop == NextHop::kGatewayLost) {
        record.LocalError(index);
      } else if (record.AnsweringOf(address) == 0) {
        record.NoNeighbour(index);
      }
    }
  }
}

}  // namespace postern::scanner

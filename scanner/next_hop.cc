#include "scanner/next_hop.h"

#include <cerrno>
#include <vector>

#include "scanner/connect_probe.h"

namespace postern::scanner {
namespace {

// The endpoints of an address that follow each other in the plan.
struct Part {
  IpAddress address;
  IndexRange indices;
};

Part PartAt(const ScanPlan& plan, std::uint64_t index) {
  const auto address = plan.At(index).address;
  for (const auto& range : plan.IndicesOf(address)) {
    if (index >= range.first && index - range.first < range.count) return {address, range};
  }
  return {address, {index, 1}};
}

bool IsSilent(const ScanRecord& record, const Part& part) {
  for (std::uint64_t i = 0; i < part.indices.count; ++i) {
    if (record.IsSilent(part.indices.first + i)) return true;
  }
  return false;
}

std::vector<Part> SilentParts(const ScanRecord& record) {
  std::vector<Part> silent;
  if (record.silent() == 0) return silent;
  const auto& plan = record.plan();
  for (std::uint64_t i = 0; i < plan.size();) {
    const auto part = PartAt(plan, i);
    if (IsSilent(record, part)) silent.push_back(part);
    i = part.indices.first + part.indices.count;
  }
  return silent;
}

void Explain(NextHop hop, const Part& part, ScanRecord& record) {
  const bool lost = hop != NextHop::kNobody;
  if (lost) record.CountSendError(hop == NextHop::kForbidden ? "ipsec" : ErrnoName(EHOSTUNREACH));
  // Somebody was there a moment ago, and may be there still.
  if (!lost && record.AnsweringOf(part.address) > 0) return;
  for (std::uint64_t i = 0; i < part.indices.count; ++i) {
    const auto index = part.indices.first + i;
    if (!record.IsSilent(index)) continue;
    lost ? record.LocalError(index) : record.NoNeighbour(index);
  }
}

}  // namespace

void ExplainSilence(RouteWatch& watch, ScanRecord& record) {
  const auto silent = SilentParts(record);
  std::vector<IpAddress> addresses;
  addresses.reserve(silent.size());
  for (const auto& part : silent) addresses.push_back(part.address);
  const auto hops = watch.NextHopsOf(addresses);
  for (std::size_t i = 0; i < silent.size(); ++i) {
    if (hops[i] != NextHop::kFound) Explain(hops[i], silent[i], record);
  }
}

}  // namespace postern::scanner

#include "scanner/scan.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace postern::scanner {
namespace {

constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();

std::uint64_t SaturatingSum(std::uint64_t a, std::uint64_t b) {
  return a > kMax - b ? kMax : a + b;
}

std::uint64_t SaturatingProduct(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kMax / b ? kMax : a * b;
}

}  // namespace

ScanPlan::Length& ScanPlan::OfLength(Family family, int length) {
  for (auto& known : lengths_) {
    if (known.family == family && known.length == length) return known;
  }
  return lengths_.emplace_back(Length{family, length, {}});
}

void ScanPlan::Add(const std::vector<Prefix>& addresses, const PortSet& ports) {
  if (ports.empty()) return;
  groups_.push_back({addresses, ports, PortIndex(ports)});
  for (const auto& prefix : addresses) {
    OfLength(prefix.family(), prefix.length()).ranges.emplace(prefix.base(), ranges_.size());
    ranges_.push_back({prefix, groups_.size() - 1, size_});
    size_ = SaturatingSum(size_, SaturatingProduct(prefix.size(), ports.size()));
  }
}

ScanPlan ScanPlan::Only(Protocol protocol) const {
  ScanPlan only;
  for (const auto& group : groups_) {
    only.Add(group.addresses, PortSet::Of(protocol, group.ports.ranges(protocol)));
  }
  return only;
}

const ScanPlan::Range& ScanPlan::RangeOf(std::uint64_t i) const {
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), i,
                       [](std::uint64_t index, const Range& range) { return index < range.begin; });
  return *std::prev(after);
}

Endpoint ScanPlan::At(std::uint64_t i) const {
  const Range& range = RangeOf(i);
  const PortIndex& ports = groups_[range.group].index;
  const auto offset = i - range.begin;
  const auto port = ports.At(offset % ports.size());
  return {range.addresses.base().Plus(offset / ports.size()), port.protocol, port.port};
}

std::optional<std::uint64_t> ScanPlan::IndexOf(const Endpoint& endpoint) const {
  for (const auto& of_length : lengths_) {
    if (of_length.family != endpoint.address.family()) continue;
    const auto base = endpoint.address.Masked(of_length.length);
    const auto [begin, end] = of_length.ranges.equal_range(base);
    for (auto at = begin; at != end; ++at) {
      const Range& range = ranges_[at->second];
      const PortIndex& ports = groups_[range.group].index;
      const auto position = ports.PositionOf({endpoint.protocol, endpoint.port});
      if (position) return range.begin + endpoint.address.Minus(base) * ports.size() + *position;
    }
  }
  return std::nullopt;
}

PortSet ScanPlan::PortsOf(const IpAddress& address) const {
  PortSet ports;
  for (const auto& [first, count] : IndicesOf(address)) {
    ports.Add(groups_[RangeOf(first).group].ports);
  }
  return ports;
}

std::vector<IndexRange> ScanPlan::IndicesOf(const IpAddress& address) const {
  std::vector<IndexRange> indices;
  for (const auto& of_length : lengths_) {
    if (of_length.family != address.family()) continue;
    const auto base = address.Masked(of_length.length);
    const auto [begin, end] = of_length.ranges.equal_range(base);
    for (auto at = begin; at != end; ++at) {
      const Range& range = ranges_[at->second];
      const auto ports = groups_[range.group].index.size();
      indices.push_back({range.begin + address.Minus(base) * ports, ports});
    }
  }
  return indices;
}

}  // namespace postern::scanner

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

void ScanPlan::Add(std::vector<Prefix> addresses, PortSet ports) {
  std::uint64_t address_count = 0;
  for (const auto& prefix : addresses) address_count = SaturatingSum(address_count, prefix.size());
  const auto endpoints = SaturatingProduct(address_count, ports.size());
  if (endpoints == 0) return;
  groups_.push_back({std::move(addresses), std::move(ports), address_count, size_});
  size_ = SaturatingSum(size_, endpoints);
}

Endpoint ScanPlan::At(std::uint64_t i) const {
  const auto after =
      std::upper_bound(groups_.begin(), groups_.end(), i,
                       [](std::uint64_t index, const Group& group) { return index < group.begin; });
  const Group& group = *std::prev(after);
  const auto end = after == groups_.end() ? size_ : after->begin;
  const auto ports_per_address = (end - group.begin) / group.address_count;

  std::uint64_t address = (i - group.begin) / ports_per_address;
  const auto port = group.ports.At((i - group.begin) % ports_per_address);
  auto prefix = group.addresses.begin();
  for (; address >= prefix->size(); ++prefix) address -= prefix->size();
  return {prefix->base().Plus(address), port.protocol, port.port};
}

}  // namespace postern::scanner

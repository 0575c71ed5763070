#include "scanner/port_index.h"

#include <algorithm>
#include <iterator>

namespace postern::scanner {

PortIndex::PortIndex(const PortSet& ports) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : ports.ranges(protocol)) {
      runs_.push_back({{protocol, range.first}, size_, range.size()});
      size_ += range.size();
    }
  }
}

ProtocolPort PortIndex::At(std::uint64_t position) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), position,
                       [](std::uint64_t wanted, const Run& run) { return wanted < run.begin; });
  const Run& run = *std::prev(after);
  return {run.first.protocol, static_cast<std::uint16_t>(run.first.port + (position - run.begin))};
}

std::optional<std::uint64_t> PortIndex::PositionOf(const ProtocolPort& port) const {
  const auto after = std::upper_bound(
      runs_.begin(), runs_.end(), port,
      [](const ProtocolPort& wanted, const Run& run) { return wanted < run.first; });
  if (after == runs_.begin()) return std::nullopt;
  const Run& run = *std::prev(after);
  if (run.first.protocol != port.protocol) return std::nullopt;
  const std::uint64_t offset = port.port - run.first.port;
  if (offset >= run.size) return std::nullopt;
  return run.begin + offset;
}

}  // namespace postern::scanner

// The ports of a set by position and back, each in the logarithm of its ranges: a scan asks for one
// with every probe and every reply.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/port_set.h"

namespace postern::scanner {

// Immutable; in the set's own order: tcp before udp, ascending.
class PortIndex {
 public:
  explicit PortIndex(const PortSet& ports);

  std::uint64_t size() const { return size_; }
  // Precondition: position < size().
  ProtocolPort At(std::uint64_t position) const;
  std::optional<std::uint64_t> PositionOf(const ProtocolPort& port) const;

 private:
  struct Run {
    ProtocolPort first;
    std::uint64_t begin = 0;  // position of `first`
    std::uint64_t size = 0;
  };
  std::vector<Run> runs_;
  std::uint64_t size_ = 0;
};

}  // namespace postern::scanner

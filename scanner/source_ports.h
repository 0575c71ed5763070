// The source ports of one raw scan: a block outside the range that the kernel gives to its own
// connections, so that none of them meets a reply to a probe.
#pragma once

#include <cstdint>

#include "core/port_set.h"

namespace postern::scanner {

// One port for each try, so that a reply tells which probe it answers; then those of timing probes.
inline constexpr std::uint16_t kTryPorts = 16;
inline constexpr std::uint16_t kTimingPorts = 16;
inline constexpr std::uint16_t kSourcePortBlock = kTryPorts + kTimingPorts;

// Reserved while it lives, against the other scans of this process. Thread-safe.
class SourcePorts {
 public:
  // Chosen at random, so that a scan does not meet what the one before left at the targets.
  SourcePorts();
  ~SourcePorts();
  SourcePorts(const SourcePorts&) = delete;
  SourcePorts& operator=(const SourcePorts&) = delete;

  PortRange range() const { return range_; }
  // `round` counts from 1; rounds beyond kTryPorts begin again.
  std::uint16_t OfTry(int round) const {
    return static_cast<std::uint16_t>(range_.first + (round - 1) % kTryPorts);
  }
  std::uint16_t OfTiming(std::uint64_t number) const {
    return static_cast<std::uint16_t>(range_.first + kTryPorts + number % kTimingPorts);
  }
  bool IsTiming(std::uint16_t port) const { return port >= range_.first + kTryPorts; }
  // Precondition: a port of a try.
  int TryOf(std::uint16_t port) const { return port - range_.first + 1; }

 private:
  PortRange range_;
};

}  // namespace postern::scanner

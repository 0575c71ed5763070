// Packets that pass an interface, through libpcap.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"

namespace postern::scanner {

// Not thread-safe. Owns a libpcap handle; packets are kept from Open() on.
class Capture {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // An IP packet, from its header on, as far as it was kept, and when it arrived.
  using Handler = std::function<void(std::span<const std::uint8_t> packet, Time arrived)>;

  enum class Direction { kIncoming, kBoth };

  // `filter` is in libpcap's language. Needs CAP_NET_RAW.
  static Result<Capture> Open(const std::string& interface, const std::string& filter,
                              Direction direction);
  Capture(Capture&&) noexcept;
  Capture& operator=(Capture&&) noexcept;
  ~Capture();

  // Readable when packets wait.
  int descriptor() const;
  // Hands over what waits, at most `most` packets, and returns how many; never blocks. An
  // interface that is gone gives nothing; whether it is there is for others to tell.
  int Drain(int most, const Handler& handler);
  // Packets so far that found no room in the buffer.
  std::uint64_t Dropped();

 private:
  struct State;
  explicit Capture(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace postern::scanner

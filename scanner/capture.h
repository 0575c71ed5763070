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

  // A packet as it was captured, link header included.
  struct Frame {
    std::span<const std::uint8_t> bytes;  // as far as they were kept; valid during the call
    std::uint32_t length = 0;             // on the wire
    std::chrono::system_clock::time_point at;
    std::span<const std::uint8_t> packet;  // the part of `bytes` from the IP header on
  };
  using FrameHandler = std::function<void(const Frame& frame)>;

  struct Room {
    int packet_bytes = 256;       // headers, options and a quoted packet with its own fit in
    int buffer_bytes = 16 << 20;  // some 40,000 replies: 0.4 s at 100,000 a second
  };

  // `filter` is in libpcap's language. Needs CAP_NET_RAW.
  static Result<Capture> Open(const std::string& interface, const std::string& filter,
                              Direction direction, const Room& room);
  static Result<Capture> Open(const std::string& interface, const std::string& filter,
                              Direction direction) {
    return Open(interface, filter, direction, Room());
  }
  Capture(Capture&&) noexcept;
  Capture& operator=(Capture&&) noexcept;
  ~Capture();

  // Readable when packets wait.
  int descriptor() const;
  // Hands over what waits, at most `most` packets, and returns how many; never blocks. An
  // interface that is gone gives nothing; whether it is there is for others to tell.
  int Drain(int most, const Handler& handler);
  int DrainFrames(int most, const FrameHandler& handler);
  // libpcap's DLT_ value of the frames; for those handled here it is the LINKTYPE_ of a file too.
  int link_type() const;
  // Packets so far that found no room in the buffer.
  std::uint64_t Dropped();

 private:
  struct State;
  explicit Capture(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace postern::scanner

// Packets that pass this machine's interfaces, all of them: replies may come in by another one than
// the probes left through.
#pragma once

#include <linux/if_packet.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.h"
#include "scanner/packet.h"

namespace postern::scanner {

// Not thread-safe. Owns a packet socket and its ring; packets are kept from Open() on.
class Capture {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A packet that this machine's IP layer would take in, and when it arrived.
  using Handler = std::function<void(const Packet& packet, Time arrived)>;

  // kIncoming: only what was sent to this machine. kBoth: what it sent as well.
  enum class Direction { kIncoming, kBoth };

  // A packet as it was captured.
  struct Frame {
    std::span<const std::uint8_t> packet;  // from the IP header on, as far as it was kept
    std::uint32_t length = 0;              // of the whole packet
    std::chrono::system_clock::time_point at;
    sockaddr_ll link{};               // interface, direction and link-layer address
    bool checksums_verified = false;  // by the card, or they are not filled in yet
  };
  using FrameHandler = std::function<void(const Frame& frame)>;

  struct Room {
    int packet_bytes = 384;       // headers, options and a quoted packet with its own fit in
    int buffer_bytes = 16 << 20;  // some 36,000 replies: 0.36 s at 100,000 a second
  };

  // `filter` is in libpcap's language and sees packets from the IP header on. Needs CAP_NET_RAW.
  static Result<Capture> Open(const std::string& filter, Direction direction, const Room& room);
  static Result<Capture> Open(const std::string& filter, Direction direction) {
    return Open(filter, direction, Room());
  }
  Capture(Capture&&) noexcept;
  Capture& operator=(Capture&&) noexcept;
  ~Capture();

  // Readable when packets wait.
  int descriptor() const;
  // Hands over what waits and parses as the kernel would take it (see Believed()), at most `most`
  // packets, and returns how many were read; never blocks.
  int Drain(int most, const Handler& handler);
  // The same for every packet, as it is.
  int DrainFrames(int most, const FrameHandler& handler);
  // Packets so far that found no room in the buffer.
  std::uint64_t Dropped();

 private:
  struct State;
  explicit Capture(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Extends a filter to IPv6 packets with extension headers, which libpcap's "tcp" and "icmp6" do not
// look behind.
std::string WithExtensionHeaders(const std::string& filter);

// Returns the packet if this machine's IP layer would have taken it in: it was sent to this
// machine's link-layer address, carries no tag of another VLAN, is complete, and its checksums are
// right.
std::optional<Packet> Believed(const Capture::Frame& frame);

}  // namespace postern::scanner

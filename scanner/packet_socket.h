// Batches of finished IP packets on their way out, past the kernel's TCP.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/ip_address.h"

namespace postern::scanner {

// A socket that sends whole IP packets; the kernel finds way and neighbour. `interface`: empty, or
// what to leave through; `flags`: SOCK_NONBLOCK or 0. Returns -1 with errno on failure.
int OpenRawSocket(Family family, const std::string& interface, int flags);

// Not thread-safe. Owns a socket; needs CAP_NET_RAW.
class PacketSocket {
 public:
  // Enough that the cost of a system call is shared, few enough that replies are read in between.
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kLongestPacket = 128;

  // The kernel finds way and neighbour. `interface`: empty, or what to leave through.
  PacketSocket(Family family, const std::string& interface);
  ~PacketSocket();
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  // errno of the call that failed; 0 if the socket can be used.
  int error() const { return error_; }

  // Buffers one IP packet; `tag` is the caller's name for it. Precondition: not full().
  void Push(std::span<const std::uint8_t> packet, const IpAddress& destination, std::uint64_t tag);
  bool full() const { return end_ == kBatch; }
  bool empty() const { return first_ == end_; }

  struct Flushed {
    // Tags of the packets that left; valid until the next Push.
    std::span<const std::uint64_t> sent;
    // Of a packet that this machine refused to send; it is dropped.
    std::optional<std::uint64_t> refused;
    // errno of what stopped the batch. Without a refused packet the machine is short of something
    // that comes back by itself, and what is left waits for the next call.
    int error = 0;
  };
  // Sends what is buffered, up to the first error; call again while not empty().
  Flushed Flush();
  // Gives up the packet that is next, and returns its tag. Precondition: not empty().
  std::uint64_t DropFirst();

 private:
  struct Slot {
    std::array<std::uint8_t, kLongestPacket> bytes{};
    std::uint16_t size = 0;
    sockaddr_in6 destination{};  // or a sockaddr_in in its place
    std::uint64_t tag = 0;
  };

  int descriptor_;
  int error_ = 0;
  std::vector<Slot> slots_;
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
  std::vector<std::uint64_t> sent_;
  std::size_t first_ = 0;  // of what is buffered, in slots_
  std::size_t end_ = 0;
};

}  // namespace postern::scanner

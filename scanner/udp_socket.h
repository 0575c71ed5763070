// A UDP socket that is not connected: datagrams to many targets, and what comes back to it, the
// ICMP errors included. Needs no privilege.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/endpoint.h"

namespace postern::scanner {

struct UdpReply {
  Endpoint from;
  std::optional<IpAddress> received_at;  // our address that it came to
  std::optional<std::uint8_t> ttl;       // or hop limit
  std::vector<std::uint8_t> payload;     // its first 2,048 bytes
};

// Not thread-safe; closes its descriptor.
class UdpSocket {
 public:
  UdpSocket() = default;
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  // Takes a port that the kernel chooses; returns 0 or errno. Without `source` and `interface` the
  // kernel chooses these too. Precondition: not open.
  int Open(Family family, const std::optional<IpAddress>& source, const std::string& interface);
  bool IsOpen() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  std::uint16_t port() const { return port_; }

  // Returns 0, or the errno of what this machine has against it.
  int Send(const Endpoint& target, std::span<const std::uint8_t> payload);
  // The next datagram, if one waits.
  std::optional<UdpReply> Receive();
  // How many datagrams the kernel has dropped because nobody read them in time, as far as it has
  // told.
  std::uint32_t drops() const { return drops_; }

 private:
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
  std::uint32_t drops_ = 0;
};

}  // namespace postern::scanner

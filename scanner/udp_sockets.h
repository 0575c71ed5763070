// The sockets of one UDP scan: a few for each family, opened when they are first needed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scanner/error_queue.h"
#include "scanner/udp_socket.h"

namespace postern::scanner {

// Not thread-safe.
class UdpSockets {
 public:
  UdpSockets(const std::optional<IpAddress>& source, std::string interface)
      : source_(source), interface_(std::move(interface)) {}

  // Tries of an endpoint leave from different ports, so that what a firewall in between remembers
  // of the one does not decide the other.
  static constexpr std::size_t kTryPorts = 3;

  // Sends the endpoint's try number `attempt`, or, with `apart`, from the socket whose replies may
  // come from any port of the host. Returns 0 or errno.
  int Send(const Endpoint& target, std::size_t attempt, bool apart,
           std::span<const std::uint8_t> payload);
  // Those that the sockets of a family have.
  std::vector<std::uint16_t> Ports(Family family) const;

  struct Received {
    std::vector<UdpReply> replies;
    std::vector<UdpReply> replies_apart;
    std::vector<QueuedError> errors;
    std::uint32_t drops = 0;  // of datagrams that found a buffer full, since the beginning
  };
  // What has come, at most some hundred of each kind for each socket.
  Received Receive();
  // Until something comes or `timeout` is over.
  void Wait(std::chrono::nanoseconds timeout) const;

 private:
  static constexpr std::size_t kApart = kTryPorts;

  static void ReadInto(Received& received, UdpSocket& socket, bool apart);

  const std::optional<IpAddress> source_;
  const std::string interface_;
  std::array<std::array<UdpSocket, kTryPorts + 1>, 2> sockets_;  // by family
};

}  // namespace postern::scanner

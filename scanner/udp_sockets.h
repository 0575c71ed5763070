// The sockets of one UDP scan: a few for each family, opened when they are first needed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
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
  // of the one does not decide the other: from socket 0 and so on.
  static constexpr std::size_t kTryPorts = 3;
  // Replies to this one and those behind it may come from any port of the host.
  static constexpr std::size_t kApart = kTryPorts;
  // Fresh ports to ask again from, where an answer proved nothing.
  static constexpr std::size_t kAgainPorts = 3;
  static constexpr std::size_t AgainPort(std::size_t attempt) {
    return kApart + 1 + attempt % kAgainPorts;
  }
  // Nothing is sent from the ports behind those: what comes to them is sprayed over all ports.
  static constexpr std::size_t kFirstDecoy = kApart + 1 + kAgainPorts;
  static constexpr std::size_t kDecoys = 16;

  // Sends from the socket of that number. Returns 0 or errno.
  int Send(const Endpoint& target, std::size_t socket, std::span<const std::uint8_t> payload);
  // Opens the decoys of a family. Returns 0, also if they are open, or errno.
  int OpenDecoys(Family family);
  // Those that the sockets of a family have.
  std::vector<std::uint16_t> Ports(Family family) const;

  struct Received {
    // Each with the number of the socket that it came to.
    std::vector<std::pair<UdpReply, std::size_t>> replies;
    std::vector<std::pair<QueuedError, std::size_t>> errors;
    std::uint32_t drops = 0;  // of datagrams that found a buffer full, since the beginning
  };
  // What has come, at most some hundred of each kind for each socket.
  Received Receive();
  // Until something comes or `timeout` is over.
  void Wait(std::chrono::nanoseconds timeout) const;

 private:
  static constexpr std::size_t kSockets = kFirstDecoy + kDecoys;

  int Open(Family family, std::size_t socket);
  static void ReadInto(Received& received, UdpSocket& socket, std::size_t number);

  const std::optional<IpAddress> source_;
  const std::string interface_;
  std::array<std::array<UdpSocket, kSockets>, 2> sockets_;  // by family
};

}  // namespace postern::scanner

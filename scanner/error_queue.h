// The error queue of a socket with IP_RECVERR or IPV6_RECVERR set: the ICMP errors that its packets
// have met. Plain functions over a descriptor; thread-safe on different descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/endpoint.h"

namespace postern::scanner {

struct QueuedError {
  enum class Origin : std::uint8_t {
    kLocal,  // this machine's own word (EMSGSIZE); no packet came
    kIcmp,
    kIcmp6,
  };

  Origin origin = Origin::kLocal;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::optional<IpAddress> offender;  // who sent the ICMP error
  // UDP only: where the packet that met the error was going, and as much of its payload as was
  // quoted.
  std::optional<IpAddress> destination;
  std::uint16_t destination_port = 0;
  std::vector<std::uint8_t> quote;
  // Our address that the ICMP error came to, where the socket asks for IP_PKTINFO or
  // IPV6_RECVPKTINFO.
  std::optional<IpAddress> received_at;

  bool FromNetwork() const { return origin != Origin::kLocal; }
  // The kernel's word to itself when ARP or NDP finds nobody: ICMP 3/1, ICMPv6 1/3.
  bool IsNeighbourUnreachable() const;
};

// The next error, if there is one; takes it off the queue.
std::optional<QueuedError> TakeQueuedError(int descriptor);

}  // namespace postern::scanner

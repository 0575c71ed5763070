// Finished IP packets around a transport header, checksums included.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/ip_address.h"

namespace postern::scanner {

struct IpEnvelope {
  IpAddress source;
  IpAddress destination;  // of the same family
  std::uint8_t protocol = 0;
  std::uint8_t hop_limit = 64;
};

// `transport` is a TCP, ICMP or ICMPv6 message with zeros for its checksum. Preconditions: it is as
// long as its fixed header at least, and short enough for one packet.
std::vector<std::uint8_t> IpPacket(const IpEnvelope& envelope,
                                   std::span<const std::uint8_t> transport);

}  // namespace postern::scanner

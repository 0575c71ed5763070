// ARP for IPv4 over Ethernet (RFC 826).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "scanner/route.h"

namespace postern::scanner {

// Who has `target`? The packet that follows the Ethernet header; both addresses are IPv4.
std::vector<std::uint8_t> ArpRequest(const LinkAddress& sender, const IpAddress& source,
                                     const IpAddress& target);

struct ArpReply {
  IpAddress address;  // whose link address it tells
  LinkAddress link_address{};
  IpAddress asker;
};

// From what follows the Ethernet header; none for whatever is not a whole reply.
std::optional<ArpReply> ParseArpReply(std::span<const std::uint8_t> bytes);

}  // namespace postern::scanner

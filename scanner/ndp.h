// Neighbour discovery for IPv6 over Ethernet (RFC 4861).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "scanner/packet.h"
#include "scanner/route.h"

namespace postern::scanner {

// Every node of the link (RFC 4291, section 2.7.1).
IpAddress AllNodes();

struct Solicitation {
  IpAddress group;                   // where it goes: the solicited-node group of the target
  std::vector<std::uint8_t> packet;  // from the IPv6 header on
};

// Who has `target`? Both addresses are IPv6.
Solicitation NeighbourSolicitation(const LinkAddress& sender, const IpAddress& source,
                                   const IpAddress& target);

struct Advertisement {
  IpAddress address;
  std::optional<LinkAddress> link_address;
};

// None for whatever is not a valid advertisement (RFC 4861, section 7.1.2) or came from beyond the
// link.
std::optional<Advertisement> ReadAdvertisement(const Packet& packet);

}  // namespace postern::scanner

// Things, buildings, telephones and games.
#pragma once

#include "scanner/udp_exchange.h"

namespace postern::scanner {

// RFC 7252, section 4.3: an empty confirmable message, answered by a reset of four bytes.
extern const UdpExchange kCoap;
// ASHRAE 135, annex J and clause 15.5: the object identifier of whatever device there is.
extern const UdpExchange kBacnet;
// EtherNet/IP (CIP volume 2, section 2-4.6): ListServices; our id is the sender's context.
extern const UdpExchange kEthernetIp;
// KNXnet/IP (EN 13321-2): a description request that is answered to where it came from.
extern const UdpExchange kKnx;
// Ubiquiti's discovery.
extern const UdpExchange kUbiquiti;
// RFC 5456, section 6.7.3: POKE.
extern const UdpExchange kIax;
// Valve's server queries: A2S_INFO; present servers first answer with a challenge.
extern const UdpExchange kSourceQuery;
// RakNet's unconnected ping (Minecraft Bedrock).
extern const UdpExchange kRakNet;

}  // namespace postern::scanner

// The name services: DNS and its relatives, and NetBIOS.
#pragma once

#include "scanner/udp_exchange.h"

namespace postern::scanner {

// RFC 1035. Asks for the address of "localhost", without recursion: every kind of server has a
// short answer to that, if only a refusal.
extern const UdpExchange kDns;
// RFC 4892, section 3.1: version.bind, for servers that keep silent about names they do not serve.
extern const UdpExchange kDnsVersion;
// RFC 6762, section 5.5 (a direct unicast query) and 6.7 (from another port than 5353, the answer
// comes by unicast and repeats the id).
extern const UdpExchange kMdns;
// RFC 4795. Responders answer only for their own names; "localhost" is the best guess.
extern const UdpExchange kLlmnr;
// RFC 1002, section 4.2.17: node status of "*".
extern const UdpExchange kNetbios;

}  // namespace postern::scanner

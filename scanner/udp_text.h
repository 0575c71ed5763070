// The protocols that write their messages as text, and the small services of the old Internet.
#pragma once

#include "scanner/udp_exchange.h"

namespace postern::scanner {

// UPnP Device Architecture 2.0, section 1.3.2: M-SEARCH for root devices, sent to one host.
extern const UdpExchange kSsdp;
// RFC 3261, section 11: OPTIONS; RFC 3581: the answer returns to our port.
extern const UdpExchange kSip;
// WS-Discovery 1.1, section 5.2.
extern const UdpExchange kWsDiscovery;
// memcached's doc/protocol.txt, "UDP protocol": "version", the shortest answer there is.
extern const UdpExchange kMemcached;
// BEP 5: "ping" to a node of BitTorrent's table.
extern const UdpExchange kBittorrentDht;
// RFC 862: the same bytes come back.
extern const UdpExchange kEcho;
// RFC 864, 865, 867: any datagram is answered with a text.
extern const UdpExchange kOldText;
// RFC 868: any datagram is answered with 32 bits.
extern const UdpExchange kTime;

// For ports without a protocol that we know: two lines of white space. Whatever reads lines of text
// answers them with an error, and little else takes harm.
extern const UdpExchange kEmptyLines;
// A datagram without payload, for ports whose service answers nobody, or nobody who may ask
// without doing something: it finds out whether the port is closed, and no more.
extern const UdpExchange kNothing;

}  // namespace postern::scanner

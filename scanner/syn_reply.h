// What a captured packet says about an endpoint that a SYN was sent to.
#pragma once

#include <cstdint>
#include <optional>

#include "core/port_states.h"
#include "scanner/cookie.h"
#include "scanner/packet.h"

namespace postern::scanner {

struct SynReply {
  Endpoint endpoint;
  std::uint16_t probe_port = 0;  // the source port of the probe that is answered
  Verdict verdict;
  std::uint8_t ttl = 0;
  // It repeats the cookie. Without it is no answer but a reason to ask by a connection.
  bool proven = true;
};

// The sequence number of a SYN from `source_port` to `target`.
std::uint32_t SequenceOf(std::uint64_t cookie);

// None for whatever does not prove to answer a probe from one of `ports`: a SYN-ACK or RST must
// acknowledge the cookie, an ICMP error must quote it. A lone SYN (RFC 9293, section 3.5:
// simultaneous open) has no room for proof, and its result says so.
std::optional<SynReply> ReadSynReply(const Packet& packet, const CookieKey& key,
                                     const PortRange& ports);

}  // namespace postern::scanner

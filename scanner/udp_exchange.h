// What a UDP probe says, and how its answer is known: a pair of pure functions for each protocol.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace postern::scanner {

using UdpPayload = std::vector<std::uint8_t>;

struct UdpExchange {
  // A request whose transaction id comes from `cookie`; the same cookie gives the same bytes.
  UdpPayload (*build)(std::uint64_t cookie);
  // Whether `reply`, whatever bytes it is, answers what build(cookie) asked: the protocol's own
  // form and, where the protocol has one, our transaction id.
  bool (*match)(std::uint64_t cookie, std::span<const std::uint8_t> reply);
};

// Whether a socket for IPsec behind NAT takes the payload for an ESP packet (RFC 3948, section 2:
// no zeros where IKE has its marker), of which the kernel knows no SPI: it answers with
// port-unreachable though the port is open. Up to eight bytes it hands to the service, as it does
// with IKE (xfrm4_udp_encap_rcv).
inline bool MayBeTakenForEsp(std::span<const std::uint8_t> payload) {
  constexpr std::size_t kEspHeader = 8;
  return payload.size() > kEspHeader &&
         (payload[0] != 0 || payload[1] != 0 || payload[2] != 0 || payload[3] != 0);
}

// The parts of a cookie that protocols with shorter ids take.
inline std::uint8_t Cookie8(std::uint64_t cookie) { return static_cast<std::uint8_t>(cookie); }
inline std::uint16_t Cookie16(std::uint64_t cookie) { return static_cast<std::uint16_t>(cookie); }
inline std::uint32_t Cookie32(std::uint64_t cookie) { return static_cast<std::uint32_t>(cookie); }
// Positive as a signed number, and never short in BER: the second highest bit is set.
inline std::uint32_t Cookie31(std::uint64_t cookie) {
  return (Cookie32(cookie) & 0x3fffffffU) | 0x40000000U;
}

}  // namespace postern::scanner

// What arrived: an IP packet taken apart, with the packet that an ICMP error quotes. Reads hostile
// bytes, bounds-checked, and takes in what a kernel would take in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "core/ip_address.h"

namespace postern::scanner {

// IANA protocol numbers.
inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmp6 = 58;

// RFC 9293, section 3.1.
inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpAck = 0x10;

struct TcpSegment {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = 0;
};

struct UdpDatagram {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::span<const std::uint8_t> payload;
};

// The packet of ours that an ICMP error is about: as much of it as routers must quote (RFC 792: the
// IP header and 8 bytes).
struct IcmpQuote {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0;  // TCP and UDP; ICMP echo: 0
  std::uint16_t destination_port = 0;
  std::uint32_t tcp_sequence = 0;  // TCP only
};

struct IcmpMessage {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::span<const std::uint8_t> body;  // after the checksum
  std::optional<IcmpQuote> quote;      // errors only: ICMP 3, 11, 12; ICMPv6 1, 2, 3, 4
};

struct Packet {
  IpAddress source;
  IpAddress destination;
  std::uint8_t ttl = 0;  // or hop limit
  std::variant<TcpSegment, UdpDatagram, IcmpMessage> transport;
};

// What of a packet is known to be right before it is read.
enum class Checks : std::uint8_t {
  kCut,          // `bytes` may be its beginning only, so that nothing can be verified
  kChecksummed,  // its transport checksum was verified, or is filled in by nobody
  kNothing,
};

// Returns none for what is none of the three, is cut short or a fragment of a larger packet (one
// that is whole in spite of its fragment header, RFC 6946, is none), has options that a host drops
// (RFC 8200, section 4.2; source routes), or a wrong checksum where `checks` lets it be verified.
// Reads on behind IPv4 options and IPv6 extension headers. Spans in the result refer to `bytes`,
// which begin at the IP header.
std::optional<Packet> ParsePacket(std::span<const std::uint8_t> bytes,
                                  Checks checks = Checks::kCut);

}  // namespace postern::scanner

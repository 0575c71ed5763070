#include "scanner/packet.h"

#include <algorithm>
#include <array>

#include "scanner/byte_reader.h"
#include "scanner/checksum.h"

namespace postern::scanner {
namespace {

// RFC 8200, section 4: extension headers that may stand before the transport header. Behind an
// authentication header (RFC 4302) the kernel of a machine without its key reads nothing.
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kDestinationOptions = 60;
// More than any host sends; a chain of empty headers must not cost more.
constexpr int kMaxExtensions = 8;

// An IP header taken apart, and the reader at what it carries.
struct Header {
  IpAddress source;
  IpAddress destination;
  std::uint8_t ttl = 0;
  std::uint8_t protocol = 0;
  ByteReader payload{{}};
};

// A quote's length field counts what the quoting router left away.
enum class Length { kHolds, kMayExceed };

bool Verifies(std::span<const std::uint8_t> bytes) {
  Checksum checksum;
  checksum.Add(bytes);
  return checksum.Value() == 0;
}

// RFC 791, section 3.1. A host drops what is malformed, and source routes.
bool AreOptionsTaken(ByteReader options) {
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNoOperation = 1;
  constexpr std::uint8_t kLooseSourceRoute = 131;
  constexpr std::uint8_t kStrictSourceRoute = 137;
  while (options.left() > 0) {
    const auto type = options.U8();
    if (type == kEnd) return true;
    if (type == kNoOperation) continue;
    const auto length = options.U8();
    if (length < 2 || type == kLooseSourceRoute || type == kStrictSourceRoute) return false;
    options.Skip(length - 2U);
    if (!options.ok()) return false;
  }
  return true;
}

std::optional<Header> ReadIpv4(std::span<const std::uint8_t> bytes, Length length, Checks checks) {
  ByteReader reader(bytes);
  const auto first = reader.U8();
  reader.Skip(1);
  const std::size_t total = reader.U16();
  reader.Skip(2);
  const auto fragment = reader.U16();
  const auto ttl = reader.U8();
  const auto protocol = reader.U8();
  reader.Skip(2);
  const auto source = IpAddress::FromBytes(reader.Bytes(4));
  const auto destination = IpAddress::FromBytes(reader.Bytes(4));
  constexpr std::size_t kFixed = 20;
  constexpr std::uint16_t kMoreFragments = 0x2000;
  constexpr std::uint16_t kFragmentOffset = 0x1fff;
  const std::size_t header = std::size_t{first & 0x0fU} * 4;
  if (!reader.ok() || header < kFixed || (fragment & kFragmentOffset) != 0) return std::nullopt;
  const auto options = reader.Bytes(header - kFixed);
  if (!reader.ok() || total < header) return std::nullopt;
  if (length == Length::kMayExceed) return Header{*source, *destination, ttl, protocol, reader};
  if ((fragment & kMoreFragments) != 0 || !AreOptionsTaken(ByteReader(options)))
    return std::nullopt;
  if (checks != Checks::kCut && (total > bytes.size() || !Verifies(bytes.first(header)))) {
    return std::nullopt;
  }
  reader.Truncate(total - header);
  return Header{*source, *destination, ttl, protocol, reader};
}

// RFC 8200, section 4.2: an option that this machine does not know is skipped only where its type
// says so.
bool AreOptionsTaken6(ByteReader options) {
  constexpr std::uint8_t kPad1 = 0;
  constexpr std::uint8_t kDropIfUnknown = 0xc0;
  while (options.left() > 0) {
    const auto type = options.U8();
    if (type == kPad1) continue;
    options.Skip(options.U8());
    if (!options.ok() || (type & kDropIfUnknown) != 0) return false;
  }
  return true;
}

// Moves past one extension header; false where a host drops the packet. `first`: it follows the
// IPv6 header itself.
bool SkipExtension(ByteReader& reader, std::uint8_t& next, bool first, Length length) {
  const auto kind = next;
  next = reader.U8();
  if (kind == kFragment) {
    reader.Skip(1);
    constexpr std::uint16_t kOffset = 0xfff8;
    constexpr std::uint16_t kMore = 1;
    const auto fragment = reader.U16();
    reader.Skip(4);
    return (fragment & kOffset) == 0 && (length == Length::kMayExceed || (fragment & kMore) == 0);
  }
  const auto body = reader.Bytes(std::size_t{reader.U8()} * 8 + 6);
  if (!reader.ok()) return false;
  if (length == Length::kMayExceed) return true;
  // RFC 8200, section 4.4: with segments left the packet is to be sent on. Types 2 to 4 (mobility,
  // RPL, segment routing) are for nodes that have agreed on them.
  if (kind == kRouting) return body[1] == 0 && (body[0] < 2 || body[0] > 4);
  return (kind == kDestinationOptions || first) && AreOptionsTaken6(ByteReader(body));
}

// Moves past extension headers; false where a host drops the packet, or the chain is too long.
bool SkipExtensions(ByteReader& reader, std::uint8_t& next, Length length) {
  for (int i = 0; i < kMaxExtensions; ++i) {
    if (next != kHopByHop && next != kRouting && next != kFragment && next != kDestinationOptions) {
      return reader.ok();
    }
    if (!SkipExtension(reader, next, i == 0, length) || !reader.ok()) return false;
  }
  return false;
}

std::optional<Header> ReadIpv6(std::span<const std::uint8_t> bytes, Length length, Checks checks) {
  ByteReader reader(bytes);
  reader.Skip(4);
  const std::size_t payload = reader.U16();
  auto next = reader.U8();
  const auto hop_limit = reader.U8();
  const auto source = IpAddress::FromBytes(reader.Bytes(16));
  const auto destination = IpAddress::FromBytes(reader.Bytes(16));
  if (!reader.ok()) return std::nullopt;
  if (length == Length::kHolds) {
    if (checks != Checks::kCut && payload > reader.left()) return std::nullopt;
    reader.Truncate(payload);
  }
  if (!SkipExtensions(reader, next, length)) return std::nullopt;
  return Header{*source, *destination, hop_limit, next, reader};
}

std::optional<Header> ReadHeader(std::span<const std::uint8_t> bytes, Length length,
                                 Checks checks) {
  if (bytes.empty()) return std::nullopt;
  switch (bytes.front() >> 4) {
    case 4:
      return ReadIpv4(bytes, length, checks);
    case 6:
      return ReadIpv6(bytes, length, checks);
    default:
      return std::nullopt;
  }
}

std::optional<TcpSegment> ReadTcp(ByteReader reader, Checks checks) {
  const std::size_t size = reader.left();
  TcpSegment segment;
  segment.source_port = reader.U16();
  segment.destination_port = reader.U16();
  segment.sequence = reader.U32();
  segment.acknowledgement = reader.U32();
  const std::size_t header = std::size_t{reader.U8()} / 16 * 4;
  segment.flags = reader.U8();
  reader.Skip(6);
  constexpr std::size_t kFixed = 20;
  if (!reader.ok() || header < kFixed) return std::nullopt;
  if (checks != Checks::kCut && header > size) return std::nullopt;
  return segment;
}

std::optional<UdpDatagram> ReadUdp(ByteReader reader) {
  constexpr std::size_t kHeader = 8;
  UdpDatagram datagram;
  datagram.source_port = reader.U16();
  datagram.destination_port = reader.U16();
  const std::size_t length = reader.U16();
  reader.Skip(2);
  if (!reader.ok() || length < kHeader) return std::nullopt;
  reader.Truncate(length - kHeader);
  datagram.payload = reader.rest();
  return datagram;
}

bool QuotesAPacket(std::uint8_t protocol, std::uint8_t type) {
  constexpr std::array<std::uint8_t, 3> kIcmpErrors = {3, 11, 12};    // RFC 792
  constexpr std::array<std::uint8_t, 4> kIcmp6Errors = {1, 2, 3, 4};  // RFC 4443
  return protocol == kProtocolIcmp
             ? std::find(kIcmpErrors.begin(), kIcmpErrors.end(), type) != kIcmpErrors.end()
             : std::find(kIcmp6Errors.begin(), kIcmp6Errors.end(), type) != kIcmp6Errors.end();
}

std::optional<IcmpQuote> ReadQuote(Family family, std::span<const std::uint8_t> body) {
  constexpr std::size_t kUnused = 4;  // or pointer, or next-hop MTU
  if (body.size() < kUnused) return std::nullopt;
  auto header = ReadHeader(body.subspan(kUnused), Length::kMayExceed, Checks::kCut);
  if (!header || header->source.family() != family) return std::nullopt;
  IcmpQuote quote;
  quote.source = header->source;
  quote.destination = header->destination;
  quote.protocol = header->protocol;
  if (quote.protocol != kProtocolTcp && quote.protocol != kProtocolUdp) return quote;
  auto& transport = header->payload;
  quote.source_port = transport.U16();
  quote.destination_port = transport.U16();
  const auto number = transport.U32();  // UDP: length and checksum
  if (!transport.ok()) return std::nullopt;
  if (quote.protocol == kProtocolTcp) quote.tcp_sequence = number;
  return quote;
}

std::optional<IcmpMessage> ReadIcmp(std::uint8_t protocol, ByteReader reader) {
  IcmpMessage message;
  message.type = reader.U8();
  message.code = reader.U8();
  reader.Skip(2);
  if (!reader.ok()) return std::nullopt;
  message.body = reader.rest();
  if (QuotesAPacket(protocol, message.type)) {
    message.quote =
        ReadQuote(protocol == kProtocolIcmp ? Family::kIpv4 : Family::kIpv6, message.body);
  }
  return message;
}

// RFC 9293, section 3.1, RFC 768, RFC 792, RFC 4443, section 2.3.
bool IsTransportIntact(const Header& header) {
  const auto bytes = header.payload.rest();
  const bool v4 = header.source.family() == Family::kIpv4;
  if (v4 && header.protocol == kProtocolIcmp) return Verifies(bytes);
  // Over IPv4 a UDP checksum of zero means that there is none.
  constexpr std::size_t kUdpChecksum = 6;
  if (v4 && header.protocol == kProtocolUdp && bytes.size() > kUdpChecksum + 1 &&
      bytes[kUdpChecksum] == 0 && bytes[kUdpChecksum + 1] == 0) {
    return true;
  }
  Checksum checksum;
  checksum.AddPseudoHeader(header.source, header.destination, header.protocol,
                           static_cast<std::uint32_t>(bytes.size()));
  checksum.Add(bytes);
  return checksum.Value() == 0;
}

template <typename Transport>
std::optional<Packet> PacketOf(const Header& header, const std::optional<Transport>& transport) {
  if (!transport) return std::nullopt;
  return Packet{header.source, header.destination, header.ttl, *transport};
}

}  // namespace

std::optional<Packet> ParsePacket(std::span<const std::uint8_t> bytes, Checks checks) {
  const auto header = ReadHeader(bytes, Length::kHolds, checks);
  if (!header) return std::nullopt;
  if (checks == Checks::kNothing && !IsTransportIntact(*header)) return std::nullopt;
  const bool v4 = header->source.family() == Family::kIpv4;
  switch (header->protocol) {
    case kProtocolTcp:
      return PacketOf(*header, ReadTcp(header->payload, checks));
    case kProtocolUdp:
      return PacketOf(*header, ReadUdp(header->payload));
    case kProtocolIcmp:
      return v4 ? PacketOf(*header, ReadIcmp(kProtocolIcmp, header->payload)) : std::nullopt;
    case kProtocolIcmp6:
      return v4 ? std::nullopt : PacketOf(*header, ReadIcmp(kProtocolIcmp6, header->payload));
    default:
      return std::nullopt;
  }
}

}  // namespace postern::scanner

#include "scanner/packet.h"

#include <algorithm>
#include <array>

#include "scanner/byte_reader.h"

namespace postern::scanner {
namespace {

// RFC 8200, section 4, and RFC 4302: extension headers that may stand before the transport header.
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;
// More than any host sends; a chain of empty headers must not cost more.
constexpr int kMostExtensions = 8;

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

std::optional<Header> ReadIpv4(ByteReader reader, Length length) {
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
  constexpr std::uint16_t kFragmentOffset = 0x1fff;
  const std::size_t header = std::size_t{first & 0x0fU} * 4;
  if (!reader.ok() || header < kFixed || (fragment & kFragmentOffset) != 0) return std::nullopt;
  reader.Skip(header - kFixed);
  if (!reader.ok() || total < header) return std::nullopt;
  if (length == Length::kHolds) reader.Truncate(total - header);
  return Header{*source, *destination, ttl, protocol, reader};
}

// Moves past extension headers; false at a later fragment or a chain that is too long.
bool SkipExtensions(ByteReader& reader, std::uint8_t& next) {
  for (int i = 0; i < kMostExtensions; ++i) {
    switch (next) {
      case kHopByHop:
      case kRouting:
      case kDestinationOptions:
        next = reader.U8();
        reader.Skip(std::size_t{reader.U8()} * 8 + 6);
        break;
      case kAuthentication:
        next = reader.U8();
        reader.Skip(std::size_t{reader.U8()} * 4 + 6);
        break;
      case kFragment: {
        next = reader.U8();
        reader.Skip(1);
        constexpr std::uint16_t kOffset = 0xfff8;
        if ((reader.U16() & kOffset) != 0) return false;
        reader.Skip(4);
        break;
      }
      default:
        return reader.ok();
    }
    if (!reader.ok()) return false;
  }
  return false;
}

std::optional<Header> ReadIpv6(ByteReader reader, Length length) {
  reader.Skip(4);
  const std::size_t payload = reader.U16();
  auto next = reader.U8();
  const auto hop_limit = reader.U8();
  const auto source = IpAddress::FromBytes(reader.Bytes(16));
  const auto destination = IpAddress::FromBytes(reader.Bytes(16));
  if (!reader.ok()) return std::nullopt;
  if (length == Length::kHolds) reader.Truncate(payload);
  if (!SkipExtensions(reader, next)) return std::nullopt;
  return Header{*source, *destination, hop_limit, next, reader};
}

std::optional<Header> ReadHeader(std::span<const std::uint8_t> bytes, Length length) {
  if (bytes.empty()) return std::nullopt;
  switch (bytes.front() >> 4) {
    case 4:
      return ReadIpv4(ByteReader(bytes), length);
    case 6:
      return ReadIpv6(ByteReader(bytes), length);
    default:
      return std::nullopt;
  }
}

std::optional<TcpSegment> ReadTcp(ByteReader reader) {
  TcpSegment segment;
  segment.source_port = reader.U16();
  segment.destination_port = reader.U16();
  segment.sequence = reader.U32();
  segment.acknowledgement = reader.U32();
  reader.Skip(1);
  segment.flags = reader.U8();
  reader.Skip(6);
  if (!reader.ok()) return std::nullopt;
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
  auto header = ReadHeader(body.subspan(kUnused), Length::kMayExceed);
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

template <typename Transport>
std::optional<Packet> PacketOf(const Header& header, const std::optional<Transport>& transport) {
  if (!transport) return std::nullopt;
  return Packet{header.source, header.destination, header.ttl, *transport};
}

}  // namespace

std::optional<Packet> ParsePacket(std::span<const std::uint8_t> bytes) {
  const auto header = ReadHeader(bytes, Length::kHolds);
  if (!header) return std::nullopt;
  const bool v4 = header->source.family() == Family::kIpv4;
  switch (header->protocol) {
    case kProtocolTcp:
      return PacketOf(*header, ReadTcp(header->payload));
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

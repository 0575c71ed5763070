#include "scanner/ip_packet.h"

#include "scanner/byte_writer.h"
#include "scanner/checksum.h"
#include "scanner/packet.h"

namespace postern::scanner {
namespace {

constexpr std::size_t kIpv4Header = 20;

void Patch(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

// RFC 791. Never fragmented, so that no identification is needed (RFC 6864).
std::vector<std::uint8_t> Ipv4Header(const IpEnvelope& envelope, std::size_t length) {
  constexpr std::uint16_t kDontFragment = 0x4000;
  auto header = ByteWriter()
                    .U8(0x45)
                    .U8(0)
                    .U16(static_cast<std::uint16_t>(kIpv4Header + length))
                    .U16(0)
                    .U16(kDontFragment)
                    .U8(envelope.hop_limit)
                    .U8(envelope.protocol)
                    .U16(0)
                    .Bytes(envelope.source.bytes())
                    .Bytes(envelope.destination.bytes())
                    .Take();
  Checksum checksum;
  checksum.Add(header);
  Patch(header, 10, checksum.Value());
  return header;
}

// RFC 8200.
std::vector<std::uint8_t> Ipv6Header(const IpEnvelope& envelope, std::size_t length) {
  return ByteWriter()
      .U32(0x60000000)
      .U16(static_cast<std::uint16_t>(length))
      .U8(envelope.protocol)
      .U8(envelope.hop_limit)
      .Bytes(envelope.source.bytes())
      .Bytes(envelope.destination.bytes())
      .Take();
}

}  // namespace

std::vector<std::uint8_t> IpPacket(const IpEnvelope& envelope,
                                   std::span<const std::uint8_t> transport) {
  const bool v4 = envelope.source.family() == Family::kIpv4;
  auto packet =
      v4 ? Ipv4Header(envelope, transport.size()) : Ipv6Header(envelope, transport.size());
  const std::size_t checksum_at = packet.size() + (envelope.protocol == kProtocolTcp ? 16 : 2);
  packet.insert(packet.end(), transport.begin(), transport.end());
  Checksum checksum;
  // RFC 792 has none for ICMP, RFC 4443 has one for ICMPv6.
  if (envelope.protocol != kProtocolIcmp) {
    checksum.AddPseudoHeader(envelope.source, envelope.destination, envelope.protocol,
                             static_cast<std::uint32_t>(transport.size()));
  }
  checksum.Add(transport);
  Patch(packet, checksum_at, checksum.Value());
  return packet;
}

}  // namespace postern::scanner

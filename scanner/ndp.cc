#include "scanner/ndp.h"

#include <algorithm>
#include <array>
#include <span>

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"
#include "scanner/ip_packet.h"

namespace postern::scanner {
namespace {

// RFC 4861, sections 4.3 to 4.6.
constexpr std::uint8_t kSolicitation = 135;
constexpr std::uint8_t kAdvertisement = 136;
constexpr std::uint8_t kSourceLinkAddress = 1;
constexpr std::uint8_t kTargetLinkAddress = 2;
// Proof that no router forwarded it.
constexpr std::uint8_t kLinkOnly = 255;

// Options come in units of eight bytes; one of length zero makes the whole message invalid.
bool ReadOptions(ByteReader& reader, Advertisement& advertisement) {
  while (reader.left() > 0) {
    const auto type = reader.U8();
    const std::size_t units = reader.U8();
    if (!reader.ok() || units == 0) return false;
    const auto value = reader.Bytes(units * 8 - 2);
    if (!reader.ok()) return false;
    if (type != kTargetLinkAddress || units != 1) continue;
    LinkAddress address{};
    std::copy(value.begin(), value.end(), address.begin());
    advertisement.link_address = address;
  }
  return true;
}

}  // namespace

IpAddress AllNodes() {
  constexpr std::array<std::uint8_t, 16> kGroup = {0xff, 0x02, 0, 0, 0, 0, 0, 0,
                                                   0,    0,    0, 0, 0, 0, 0, 1};
  return *IpAddress::FromBytes(kGroup);
}

Solicitation NeighbourSolicitation(const LinkAddress& sender, const IpAddress& source,
                                   const IpAddress& target) {
  // RFC 4291, section 2.7.1: ff02::1:ff00:0/104 and the target's last 24 bits.
  const auto group = ByteWriter()
                         .U64(0xff02000000000000)
                         .Bytes({0, 0, 0, 1, 0xff})
                         .Bytes(target.bytes().last(3))
                         .Take();
  const auto message = ByteWriter()
                           .U8(kSolicitation)
                           .Zeros(7)
                           .Bytes(target.bytes())
                           .Bytes({kSourceLinkAddress, 1})
                           .Bytes(std::span<const std::uint8_t>(sender))
                           .Take();
  const auto destination = *IpAddress::FromBytes(group);
  return {destination, IpPacket({source, destination, kProtocolIcmp6, kLinkOnly}, message)};
}

std::optional<Advertisement> ReadAdvertisement(const Packet& packet) {
  const auto* message = std::get_if<IcmpMessage>(&packet.transport);
  if (message == nullptr || packet.source.family() != Family::kIpv6 ||
      message->type != kAdvertisement || message->code != 0 || packet.ttl != kLinkOnly) {
    return std::nullopt;
  }
  ByteReader reader(message->body);
  reader.Skip(4);
  const auto target = reader.Bytes(16);
  if (!reader.ok() || target.front() == 0xff) return std::nullopt;
  Advertisement advertisement{*IpAddress::FromBytes(target), std::nullopt};
  if (!ReadOptions(reader, advertisement)) return std::nullopt;
  return advertisement;
}

}  // namespace postern::scanner

#include "scanner/arp.h"

#include <algorithm>

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"

namespace postern::scanner {
namespace {

constexpr std::uint16_t kEthernet = 1;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kRequest = 1;
constexpr std::uint16_t kReply = 2;

}  // namespace

std::vector<std::uint8_t> ArpRequest(const LinkAddress& sender, const IpAddress& source,
                                     const IpAddress& target) {
  return ByteWriter()
      .U16(kEthernet)
      .U16(kIpv4)
      .U8(6)
      .U8(4)
      .U16(kRequest)
      .Bytes(std::span<const std::uint8_t>(sender))
      .Bytes(source.bytes())
      .Zeros(6)
      .Bytes(target.bytes())
      .Take();
}

std::optional<ArpReply> ParseArpReply(std::span<const std::uint8_t> bytes) {
  ByteReader reader(bytes);
  const bool ethernet = reader.U16() == kEthernet;
  const bool ipv4 = reader.U16() == kIpv4;
  const bool sizes = reader.U16() == 0x0604;
  const bool is_reply = reader.U16() == kReply;
  ArpReply reply;
  const auto sender = reader.Bytes(6);
  const auto address = reader.Bytes(4);
  reader.Skip(6);
  const auto asker = reader.Bytes(4);
  if (!reader.ok() || !ethernet || !ipv4 || !sizes || !is_reply) return std::nullopt;
  std::copy(sender.begin(), sender.end(), reply.link_address.begin());
  reply.address = *IpAddress::FromBytes(address);
  reply.asker = *IpAddress::FromBytes(asker);
  return reply;
}

}  // namespace postern::scanner

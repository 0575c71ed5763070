// Any bytes as a packet that a capture brings to a SYN scan, and as what an ICMP error of either
// family quotes: no crash, spans that stay inside, and no verdict for who does not know the key.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "scanner/byte_writer.h"
#include "scanner/packet.h"
#include "scanner/syn_reply.h"

namespace {

using namespace postern;
using namespace postern::scanner;

using Bytes = std::vector<std::uint8_t>;

void Require(bool condition) {
  if (!condition) std::abort();
}

bool IsInside(std::span<const std::uint8_t> part, std::span<const std::uint8_t> whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void CheckIcmp(const Packet& packet, const IcmpMessage& message,
               std::span<const std::uint8_t> all) {
  Require(IsInside(message.body, all));
  if (!message.quote) return;
  const auto family = packet.source.family();
  Require(message.quote->source.family() == family);
  Require(message.quote->destination.family() == family);
}

// A lone SYN needs no key, and proves nothing. Whatever else gives a verdict has met the 32 bits of
// a cookie by chance, but not those of two keys.
void CheckReply(const Packet& packet) {
  static const CookieKey key;
  static const CookieKey other_key;
  constexpr PortRange kAll{1, 65535};
  const auto reply = ReadSynReply(packet, key, kAll);
  if (!reply || !ReadSynReply(packet, other_key, kAll)) return;
  const auto* segment = std::get_if<TcpSegment>(&packet.transport);
  Require(segment != nullptr && (segment->flags & kTcpSyn) != 0 && (segment->flags & kTcpRst) == 0);
  Require(reply->verdict.state == PortState::kOpen && !reply->proven);
  Require(reply->endpoint.address == packet.source);
  Require(reply->endpoint.port == segment->source_port);
  Require(reply->probe_port == segment->destination_port);
}

void Check(std::span<const std::uint8_t> bytes) {
  const auto packet = ParsePacket(bytes);
  for (const auto checks : {Checks::kChecksummed, Checks::kNothing}) {
    Require(packet || !ParsePacket(bytes, checks));  // what is looked at more closely is no more
  }
  if (!packet) return;
  Require(packet->source.family() == packet->destination.family());
  if (const auto* message = std::get_if<IcmpMessage>(&packet->transport)) {
    CheckIcmp(*packet, *message, bytes);
  } else if (const auto* datagram = std::get_if<UdpDatagram>(&packet->transport)) {
    Require(IsInside(datagram->payload, bytes));
  }
  CheckReply(*packet);
}

// An error of that family about `quoted`.
Bytes Quoting(Family family, std::span<const std::uint8_t> quoted) {
  ByteWriter writer;
  const auto size = static_cast<std::uint16_t>(quoted.size() + 8);
  if (family == Family::kIpv4) {
    writer.U16(0x4500).U16(static_cast<std::uint16_t>(size + 20)).U32(0);
    writer.U8(64).U8(kProtocolIcmp).U16(0).Zeros(8).U8(3);
  } else {
    writer.U32(0x60000000).U16(size).U8(kProtocolIcmp6).U8(64).Zeros(32).U8(1);
  }
  return writer.Zeros(7).Bytes(quoted).Take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  Check(bytes);
  for (const auto family : kFamilies) {
    // What the capture's snapshot length leaves of it.
    const auto error = Quoting(family, bytes.first(std::min<std::size_t>(size, 256)));
    Check(error);
  }
  return 0;
}

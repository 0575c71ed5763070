#include "scanner/discovery_probes.h"

#include "core/enum_names.h"
#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"
#include "scanner/capture.h"
#include "scanner/ip_packet.h"
#include "scanner/ndp.h"
#include "scanner/syn_packet.h"
#include "scanner/syn_reply.h"

namespace postern::scanner {
namespace {

constexpr EnumNames<UpSign, 7> kUpSigns = {{
    {UpSign::kArp, "arp"},
    {UpSign::kNdp, "ndp"},
    {UpSign::kEcho, "echo"},
    {UpSign::kTimestamp, "timestamp"},
    {UpSign::kSynAck, "syn-ack"},
    {UpSign::kReset, "rst"},
    {UpSign::kIcmpError, "icmp-error"},
}};

constexpr std::uint16_t kSynPort = 443;
constexpr std::uint16_t kAckPort = 80;

// RFC 792 and RFC 4443.
constexpr std::uint8_t kEchoReply = 0;
constexpr std::uint8_t kEcho = 8;
constexpr std::uint8_t kTimestamp = 13;
constexpr std::uint8_t kTimestampReply = 14;
constexpr std::uint8_t kEcho6 = 128;
constexpr std::uint8_t kEchoReply6 = 129;

}  // namespace

std::string_view ToString(UpSign sign) { return NameOf(kUpSigns, sign); }

std::string DiscoveryProbes::Filter() const {
  const auto range = ports_.range();
  return WithExtensionHeaders("icmp or icmp6 or (tcp and dst portrange " +
                              std::to_string(range.first) + "-" + std::to_string(range.last) + ")");
}

std::uint64_t DiscoveryProbes::IcmpCookie(const IpAddress& target) const {
  // No scan sends UDP to port 0: the cookies of ICMP have a place of their own.
  return key_.Of(identifier(), {target, Protocol::kUdp, 0});
}

std::vector<std::uint8_t> DiscoveryProbes::Write(DiscoveryProbe probe, const IpAddress& source,
                                                 const IpAddress& target, int round) const {
  switch (probe) {
    case DiscoveryProbe::kEcho:
    case DiscoveryProbe::kTimestamp:
      return Icmp(probe, source, target, round);
    case DiscoveryProbe::kSyn:
    case DiscoveryProbe::kAck:
      return Tcp(probe, source, target, round);
  }
  std::abort();
}

std::vector<std::uint8_t> DiscoveryProbes::Icmp(DiscoveryProbe probe, const IpAddress& source,
                                                const IpAddress& target, int round) const {
  const bool v4 = target.family() == Family::kIpv4;
  const auto cookie = IcmpCookie(target);
  const auto type = probe == DiscoveryProbe::kTimestamp ? kTimestamp : (v4 ? kEcho : kEcho6);
  ByteWriter message;
  message.U8(type).U8(0).U16(0).U16(identifier()).U16(static_cast<std::uint16_t>(round));
  if (probe == DiscoveryProbe::kTimestamp) {
    // The originate timestamp comes back as it was.
    message.U32(static_cast<std::uint32_t>(cookie)).U32(0).U32(0);
  } else {
    message.U64(cookie);
  }
  const auto bytes = message.Take();
  return IpPacket({source, target, v4 ? kProtocolIcmp : kProtocolIcmp6}, bytes);
}

std::vector<std::uint8_t> DiscoveryProbes::Tcp(DiscoveryProbe probe, const IpAddress& source,
                                               const IpAddress& target, int round) const {
  const bool syn = probe == DiscoveryProbe::kSyn;
  const auto port = syn ? kSynPort : kAckPort;
  const auto source_port = ports_.OfTry(round);
  const auto cookie = key_.Of(source_port, {target, Protocol::kTcp, port});
  const auto sequence = SequenceOf(cookie);
  if (syn) {
    std::vector<std::uint8_t> packet(kLongestSyn);
    packet.resize(WriteSyn(
        {source, target, source_port, port, sequence, static_cast<std::uint32_t>(cookie >> 32)},
        packet));
    return packet;
  }
  constexpr std::uint8_t kFixedHeader = 5 << 4;
  constexpr std::uint16_t kWindow = 1024;
  // A reset takes its sequence number from the acknowledgement (RFC 9293, section 3.5.2), an ICMP
  // error quotes the sequence number.
  const auto bytes = ByteWriter()
                         .U16(source_port)
                         .U16(port)
                         .U32(sequence)
                         .U32(sequence)
                         .U8(kFixedHeader)
                         .U8(kTcpAck)
                         .U16(kWindow)
                         .U16(0)
                         .U16(0)
                         .Take();
  return IpPacket({source, target, kProtocolTcp}, bytes);
}

std::optional<DiscoveryProbes::Answer> DiscoveryProbes::ReadTcp(const Packet& packet,
                                                                const TcpSegment& segment) const {
  if (segment.source_port != kAckPort || (segment.flags & kTcpRst) == 0 ||
      !ports_.range().Contains(segment.destination_port)) {
    return std::nullopt;
  }
  const auto cookie = key_.Of(segment.destination_port, {packet.source, Protocol::kTcp, kAckPort});
  if (segment.sequence != SequenceOf(cookie)) return std::nullopt;
  return Answer{packet.source, UpSign::kReset, ports_.TryOf(segment.destination_port)};
}

std::optional<DiscoveryProbes::Answer> DiscoveryProbes::ReadIcmp(const Packet& packet,
                                                                 const IcmpMessage& message) const {
  const bool v4 = packet.source.family() == Family::kIpv4;
  const bool timestamp = v4 && message.type == kTimestampReply;
  if (!timestamp && message.type != (v4 ? kEchoReply : kEchoReply6)) return std::nullopt;
  ByteReader reader(message.body);
  const auto id = reader.U16();
  const int round = reader.U16();
  const auto proof = timestamp ? reader.U32() : reader.U64();
  if (!reader.ok() || id != identifier()) return std::nullopt;
  const auto proves = [&](const IpAddress& asked) {
    const auto cookie = IcmpCookie(asked);
    return proof == (timestamp ? static_cast<std::uint32_t>(cookie) : cookie);
  };
  if (!proves(packet.source) && (v4 || !proves(AllNodes()))) return std::nullopt;
  return Answer{packet.source, timestamp ? UpSign::kTimestamp : UpSign::kEcho, RoundKey(round)};
}

std::optional<DiscoveryProbes::Answer> DiscoveryProbes::Read(const Packet& packet) const {
  if (const auto reply = ReadSynReply(packet, key_, ports_.range())) {
    // Not a router's word about the host.
    if (!reply->proven || packet.source != reply->endpoint.address) return std::nullopt;
    const auto kind = reply->verdict.reason.kind;
    const auto sign = kind == Reason::Kind::kSynAck  ? UpSign::kSynAck
                      : kind == Reason::Kind::kReset ? UpSign::kReset
                                                     : UpSign::kIcmpError;
    return Answer{packet.source, sign, ports_.TryOf(reply->probe_port)};
  }
  if (const auto* segment = std::get_if<TcpSegment>(&packet.transport)) {
    return ReadTcp(packet, *segment);
  }
  const auto* message = std::get_if<IcmpMessage>(&packet.transport);
  return message == nullptr ? std::nullopt : ReadIcmp(packet, *message);
}

}  // namespace postern::scanner

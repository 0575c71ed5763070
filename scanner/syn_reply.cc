#include "scanner/syn_reply.h"

namespace postern::scanner {
namespace {

// The errors that say that a packet was not let through, whatever the transport; others are about
// its size or its header. RFC 792, RFC 1812 section 5.2.7.1, RFC 4443.
bool IsUnreachable(Reason::Kind kind, std::uint8_t type, std::uint8_t code) {
  if (kind == Reason::Kind::kIcmp6) return (type == 1 && code <= 6) || (type == 3 && code <= 1);
  if (type == 11) return code <= 1;
  if (type != 3) return false;
  switch (code) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 9:
    case 10:
    case 13:
      return true;
    default:
      return false;
  }
}

bool IsLoneSyn(const TcpSegment& segment) {
  return (segment.flags & (kTcpSyn | kTcpAck | kTcpRst)) == kTcpSyn;
}

std::optional<Verdict> ReadFlags(const TcpSegment& segment, std::uint32_t expected) {
  const bool acknowledges =
      (segment.flags & kTcpAck) != 0 && segment.acknowledgement == expected + 1;
  const bool syn = (segment.flags & kTcpSyn) != 0;
  const bool reset = (segment.flags & kTcpRst) != 0;
  if (reset && acknowledges) return Verdict{PortState::kClosed, {Reason::Kind::kReset}};
  if (!reset && syn && (acknowledges || IsLoneSyn(segment))) {
    return Verdict{PortState::kOpen, {Reason::Kind::kSynAck}};
  }
  return std::nullopt;
}

// A SYN of this scan's own, which a scan of this machine's addresses captures too.
bool IsProbe(const Packet& packet, const TcpSegment& segment, const CookieKey& key,
             const PortRange& ports) {
  if (!ports.Contains(segment.source_port)) return false;
  const Endpoint target{packet.destination, Protocol::kTcp, segment.destination_port};
  return segment.sequence == SequenceOf(key.Of(segment.source_port, target));
}

std::optional<SynReply> ReadTcp(const Packet& packet, const TcpSegment& segment,
                                const CookieKey& key, const PortRange& ports) {
  if (!ports.Contains(segment.destination_port)) return std::nullopt;
  if (IsProbe(packet, segment, key, ports)) return std::nullopt;
  const Endpoint endpoint{packet.source, Protocol::kTcp, segment.source_port};
  const auto cookie = key.Of(segment.destination_port, endpoint);
  const auto verdict = ReadFlags(segment, SequenceOf(cookie));
  if (!verdict) return std::nullopt;
  return SynReply{endpoint, segment.destination_port, *verdict, packet.ttl, !IsLoneSyn(segment)};
}

std::optional<SynReply> ReadIcmp(const Packet& packet, const IcmpMessage& message,
                                 const CookieKey& key, const PortRange& ports) {
  const auto kind =
      packet.source.family() == Family::kIpv4 ? Reason::Kind::kIcmp : Reason::Kind::kIcmp6;
  const auto& quote = message.quote;
  if (!quote || quote->protocol != kProtocolTcp || !ports.Contains(quote->source_port) ||
      !IsUnreachable(kind, message.type, message.code)) {
    return std::nullopt;
  }
  // This machine's own word, for example that ARP found nobody, is no answer of the network.
  if (packet.source == quote->source && quote->source != quote->destination) return std::nullopt;
  const Endpoint endpoint{quote->destination, Protocol::kTcp, quote->destination_port};
  const auto cookie = key.Of(quote->source_port, endpoint);
  if (quote->tcp_sequence != SequenceOf(cookie)) return std::nullopt;
  const Verdict verdict{PortState::kFiltered, {kind, message.type, message.code}};
  return SynReply{endpoint, quote->source_port, verdict, packet.ttl, /*proven=*/true};
}

}  // namespace

std::uint32_t SequenceOf(std::uint64_t cookie) { return static_cast<std::uint32_t>(cookie); }

std::optional<SynReply> ReadSynReply(const Packet& packet, const CookieKey& key,
                                     const PortRange& ports) {
  if (const auto* segment = std::get_if<TcpSegment>(&packet.transport)) {
    return ReadTcp(packet, *segment, key, ports);
  }
  if (const auto* message = std::get_if<IcmpMessage>(&packet.transport)) {
    return ReadIcmp(packet, *message, key, ports);
  }
  return std::nullopt;
}

}  // namespace postern::scanner

#include "scanner/packet_log.h"

#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "scanner/byte_writer.h"
#include "scanner/packet.h"
#include "scanner/route.h"
#include "scanner/syn_scan.h"

namespace postern::scanner {
namespace {

// A whole packet of any common link; the buffer holds every endpoint's share.
constexpr Capture::Room kRoom = {.packet_bytes = 2048, .buffer_bytes = 4 << 20};

// More than the buffer holds; a flood of packets must not keep us here.
constexpr int kMostDrained = 100'000;

// What is sent to and comes from the endpoints themselves.
std::string FilterOf(const PacketLog::Subject& subject) {
  std::string filter;
  for (const auto port : subject.ports) {
    filter += "(host " + subject.address.ToString() + " and " +
              std::string(ToString(subject.protocol)) + " port " + std::to_string(port) + ") or ";
  }
  return filter;
}

// ICMP errors that quote a packet: unreachable and time exceeded, for IPv6 packet too big and
// parameter problem as well (RFC 792, RFC 4443).
constexpr const char* kErrors =
    "icmp[0] = 3 or icmp[0] = 11 or (icmp6 and ip6[40] >= 1 and ip6[40] <= 4)";

// LINKTYPE_LINUX_SLL: who sent a packet, the kind and the address of the interface, the protocol.
constexpr std::uint32_t kCooked = 113;
constexpr std::size_t kCookedHeader = 16;

Endpoint Of(const IpAddress& address, std::uint8_t protocol, std::uint16_t port) {
  return {address, protocol == kProtocolUdp ? Protocol::kUdp : Protocol::kTcp, port};
}

// The endpoints that a packet may be about.
std::vector<Endpoint> AboutWhom(const Packet& packet) {
  if (const auto* tcp = std::get_if<TcpSegment>(&packet.transport)) {
    return {Of(packet.destination, kProtocolTcp, tcp->destination_port),
            Of(packet.source, kProtocolTcp, tcp->source_port)};
  }
  if (const auto* udp = std::get_if<UdpDatagram>(&packet.transport)) {
    return {Of(packet.destination, kProtocolUdp, udp->destination_port),
            Of(packet.source, kProtocolUdp, udp->source_port)};
  }
  const auto& quote = std::get<IcmpMessage>(packet.transport).quote;
  if (!quote) return {};
  return {Of(quote->destination, quote->protocol, quote->destination_port)};
}

// The header of a file: magic number of microsecond stamps, version 2.4, UTC, longest packet.
ByteWriter FileHeader() {
  ByteWriter file;
  file.U32(0xa1b2c3d4).U16(2).U16(4).U32(0).U32(0);
  file.U32(static_cast<std::uint32_t>(kRoom.packet_bytes));
  file.U32(kCooked);
  return file;
}

std::vector<std::uint8_t> CookedBytes(const Capture::Frame& frame) {
  const auto& link = frame.link;
  return ByteWriter()
      .U16(link.sll_pkttype)
      .U16(link.sll_hatype)
      .U16(link.sll_halen)
      .Bytes(std::span<const std::uint8_t>(link.sll_addr))
      .U16(ntohs(link.sll_protocol))
      .Bytes(frame.packet)
      .Take();
}

void AddTime(std::chrono::system_clock::time_point at, ByteWriter& file) {
  const auto since =
      std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  file.U32(static_cast<std::uint32_t>(since / 1'000'000));
  file.U32(static_cast<std::uint32_t>(since % 1'000'000));
}

}  // namespace

PacketLog::PacketLog(std::span<const Subject> subjects)
    : subjects_(subjects.begin(), subjects.end()) {
  for (const auto& subject : subjects_) {
    for (const auto port : subject.ports) {
      entries_[{subject.address, subject.protocol, port}];
    }
  }
  FindWays();
  OpenCapture();
}

void PacketLog::FindWays() {
  Routes routes;
  for (const auto& subject : subjects_) {
    const auto answer = routes.To(subject.address, std::nullopt, 0);
    auto& way = ways_.emplace_back();
    if (!answer.route) continue;
    way.source = answer.route->source;
    left_by_.insert(answer.route->interface);
    if (const auto interface = routes.InterfaceAt(answer.route->interface)) {
      way.interface = interface->name;
    }
  }
}

void PacketLog::OpenCapture() {
  if (left_by_.empty()) return;
  if (!MaySendRaw()) {
    failure_ = "no CAP_NET_RAW";
    return;
  }
  std::string filter;
  for (const auto& subject : subjects_) filter += FilterOf(subject);
  auto capture =
      Capture::Open(WithExtensionHeaders(filter + kErrors), Capture::Direction::kBoth, kRoom);
  if (capture) {
    capture_ = std::move(*capture);
  } else {
    failure_ = capture.error().message;
  }
}

void PacketLog::Keep(const Capture::Frame& frame) {
  // A packet passes each part of a bridge or a bond; the one that the kernel chose sends it.
  const bool outgoing = frame.link.sll_pkttype == PACKET_OUTGOING;
  if (outgoing && !left_by_.contains(frame.link.sll_ifindex)) return;
  const auto packet = ParsePacket(frame.packet);
  if (!packet) return;
  for (const auto& endpoint : AboutWhom(*packet)) {
    const auto at = entries_.find(endpoint);
    if (at == entries_.end()) continue;
    auto& entry = at->second;
    const auto size = kCookedHeader + frame.packet.size();
    if (entry.frames.size() == kLoggedPackets || entry.bytes + size > kLoggedBytes) {
      entry.cut = true;
      return;
    }
    // What comes in by a bond is captured at the bond and at its part, with one stamp.
    if (!entry.frames.empty() && entry.frames.back().at == frame.at && !outgoing) return;
    entry.bytes += size;
    entry.frames.push_back(
        {frame.at, static_cast<std::uint32_t>(kCookedHeader) + frame.length, CookedBytes(frame)});
    return;
  }
}

PacketLog::Packets PacketLog::PacketsOf(const Subject& subject, const Way& way) const {
  Packets packets{.source = way.source, .interface = way.interface, .told = {}, .pcap = {}};
  if (!capture_ || way.interface.empty()) {
    packets.told = "not captured (" + (way.interface.empty() ? "no route" : failure_) + ")";
    return packets;
  }
  std::vector<const Kept*> kept;
  bool cut = false;
  for (const auto port : std::set<std::uint16_t>(subject.ports.begin(), subject.ports.end())) {
    const auto& entry = entries_.at({subject.address, subject.protocol, port});
    for (const auto& one : entry.frames) kept.push_back(&one);
    cut |= entry.cut;
  }
  std::ranges::stable_sort(kept, {}, [](const Kept* one) { return one->at; });
  packets.told = std::to_string(kept.size()) + (kept.size() == 1 ? " packet" : " packets") +
                 (cut ? ", the first of more" : "");
  if (kept.empty()) return packets;
  auto file = FileHeader();
  for (const auto* one : kept) {
    AddTime(one->at, file);
    file.U32(static_cast<std::uint32_t>(one->bytes.size())).U32(one->length).Bytes(one->bytes);
  }
  packets.pcap = file.Take();
  return packets;
}

std::vector<PacketLog::Packets> PacketLog::Take() {
  if (capture_) {
    capture_->DrainFrames(kMostDrained, [this](const Capture::Frame& frame) { Keep(frame); });
  }
  std::vector<Packets> packets;
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    packets.push_back(PacketsOf(subjects_[i], ways_[i]));
  }
  return packets;
}

}  // namespace postern::scanner

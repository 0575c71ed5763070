#include "scanner/packet_log.h"

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
ByteWriter FileHeader(int link_type) {
  ByteWriter file;
  file.U32(0xa1b2c3d4).U16(2).U16(4).U32(0).U32(0);
  file.U32(static_cast<std::uint32_t>(kRoom.packet_bytes));
  file.U32(static_cast<std::uint32_t>(link_type));
  return file;
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
  OpenCaptures();
}

void PacketLog::FindWays() {
  Routes routes;
  for (const auto& subject : subjects_) {
    const auto answer = routes.To(subject.address, std::nullopt, 0);
    auto& way = ways_.emplace_back();
    if (!answer.route) continue;
    way.source = answer.route->source;
    if (const auto interface = routes.InterfaceAt(answer.route->interface)) {
      way.interface = interface->name;
    }
  }
}

void PacketLog::OpenCaptures() {
  std::map<std::string, std::string> filters;
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    if (!ways_[i].interface.empty()) filters[ways_[i].interface] += FilterOf(subjects_[i]);
  }
  const bool allowed = MaySendRaw();
  for (const auto& [interface, filter] : filters) {
    if (!allowed) {
      failed_[interface] = "no CAP_NET_RAW";
      continue;
    }
    auto capture = Capture::Open(interface, filter + kErrors, Capture::Direction::kBoth, kRoom);
    if (capture) {
      captures_.emplace(interface, std::move(*capture));
    } else {
      failed_[interface] = capture.error().message;
    }
  }
}

void PacketLog::Keep(const Capture::Frame& frame) {
  const auto packet = ParsePacket(frame.packet);
  if (!packet) return;
  for (const auto& endpoint : AboutWhom(*packet)) {
    const auto at = entries_.find(endpoint);
    if (at == entries_.end()) continue;
    auto& entry = at->second;
    if (entry.frames.size() == kLoggedPackets || entry.bytes + frame.bytes.size() > kLoggedBytes) {
      entry.cut = true;
      return;
    }
    entry.bytes += frame.bytes.size();
    entry.frames.push_back({frame.at, frame.length, {frame.bytes.begin(), frame.bytes.end()}});
    return;
  }
}

PacketLog::Packets PacketLog::PacketsOf(const Subject& subject, const Way& way) const {
  Packets packets{.source = way.source, .interface = way.interface, .told = {}, .pcap = {}};
  const auto capture = captures_.find(way.interface);
  if (capture == captures_.end()) {
    const auto why = failed_.find(way.interface);
    packets.told = "not captured (" + (why == failed_.end() ? "no route" : why->second) + ")";
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
  auto file = FileHeader(capture->second.link_type());
  for (const auto* one : kept) {
    AddTime(one->at, file);
    file.U32(static_cast<std::uint32_t>(one->bytes.size())).U32(one->length).Bytes(one->bytes);
  }
  packets.pcap = file.Take();
  return packets;
}

std::vector<PacketLog::Packets> PacketLog::Take() {
  for (auto& [interface, capture] : captures_) {
    capture.DrainFrames(kMostDrained, [this](const Capture::Frame& frame) { Keep(frame); });
  }
  std::vector<Packets> packets;
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    packets.push_back(PacketsOf(subjects_[i], ways_[i]));
  }
  return packets;
}

}  // namespace postern::scanner

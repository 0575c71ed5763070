#include "scanner/syn_packet.h"

#include <algorithm>

#include "scanner/checksum.h"
#include "scanner/packet.h"

namespace postern::scanner {
namespace {

// As Linux 6 sends them over Ethernet.
constexpr std::uint8_t kTtl = 64;
constexpr std::uint16_t kMssIpv4 = 1460;
constexpr std::uint16_t kMssIpv6 = 1440;
// As many whole segments as 16 bits can say.
constexpr std::uint16_t kWindowIpv4 = 44 * kMssIpv4;
constexpr std::uint16_t kWindowIpv6 = 45 * kMssIpv6;
constexpr std::uint8_t kWindowScale = 7;

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kTcpHeader = 40;  // with options

// Writes big-endian numbers one after the other. Precondition: there is room.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : at_(out.data()) {}

  void U8(std::uint8_t value) { *at_++ = value; }
  void U16(std::uint16_t value) {
    U8(static_cast<std::uint8_t>(value >> 8));
    U8(static_cast<std::uint8_t>(value));
  }
  void U32(std::uint32_t value) {
    U16(static_cast<std::uint16_t>(value >> 16));
    U16(static_cast<std::uint16_t>(value));
  }
  void Bytes(std::span<const std::uint8_t> bytes) {
    at_ = std::copy(bytes.begin(), bytes.end(), at_);
  }

 private:
  std::uint8_t* at_;
};

void Patch(std::span<std::uint8_t> out, std::size_t at, std::uint16_t value) {
  Writer(out.subspan(at)).U16(value);
}

// RFC 791. The identification is the probe's own, as a kernel's would be.
void WriteIpv4(const SynProbe& probe, std::span<std::uint8_t> out) {
  constexpr std::uint16_t kDontFragment = 0x4000;
  Writer writer(out);
  writer.U8(0x45);
  writer.U8(0);
  writer.U16(kIpv4Header + kTcpHeader);
  writer.U16(static_cast<std::uint16_t>(probe.sequence >> 8));
  writer.U16(kDontFragment);
  writer.U8(kTtl);
  writer.U8(kProtocolTcp);
  writer.U16(0);
  writer.Bytes(probe.source.bytes());
  writer.Bytes(probe.destination.bytes());
  Checksum checksum;
  checksum.Add(out.first(kIpv4Header));
  Patch(out, 10, checksum.Value());
}

// RFC 8200. The flow label is one for each probe, as RFC 6437 recommends.
void WriteIpv6(const SynProbe& probe, std::span<std::uint8_t> out) {
  Writer writer(out);
  writer.U32(0x60000000U | (probe.timestamp & 0xfffffU));
  writer.U16(kTcpHeader);
  writer.U8(kProtocolTcp);
  writer.U8(kTtl);
  writer.Bytes(probe.source.bytes());
  writer.Bytes(probe.destination.bytes());
}

// RFC 9293, section 3.1; options in Linux's order.
void WriteTcp(const SynProbe& probe, std::span<std::uint8_t> out) {
  const bool v4 = probe.source.family() == Family::kIpv4;
  Writer writer(out);
  writer.U16(probe.source_port);
  writer.U16(probe.destination_port);
  writer.U32(probe.sequence);
  writer.U32(0);
  writer.U8((kTcpHeader / 4) << 4);
  writer.U8(kTcpSyn);
  writer.U16(v4 ? kWindowIpv4 : kWindowIpv6);
  writer.U16(0);
  writer.U16(0);
  writer.U16(0x0204);  // maximum segment size
  writer.U16(v4 ? kMssIpv4 : kMssIpv6);
  writer.U16(0x0402);  // selective acknowledgements permitted
  writer.U16(0x080a);  // timestamps
  writer.U32(probe.timestamp);
  writer.U32(0);
  writer.U8(1);        // no operation
  writer.U16(0x0303);  // window scale
  writer.U8(kWindowScale);
  Checksum checksum;
  checksum.AddPseudoHeader(probe.source, probe.destination, kProtocolTcp, kTcpHeader);
  checksum.Add(out.first(kTcpHeader));
  Patch(out, 16, checksum.Value());
}

}  // namespace

std::size_t WriteSyn(const SynProbe& probe, std::span<std::uint8_t> out) {
  const bool v4 = probe.source.family() == Family::kIpv4;
  const auto ip_header = v4 ? kIpv4Header : kIpv6Header;
  if (v4) {
    WriteIpv4(probe, out);
  } else {
    WriteIpv6(probe, out);
  }
  WriteTcp(probe, out.subspan(ip_header));
  return ip_header + kTcpHeader;
}

}  // namespace postern::scanner

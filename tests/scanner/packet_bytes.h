// Packets as a network brings them, put together from their headers. Checksums are zero,
// which ParsePacket does not look at unless it is told to.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ip_address.h"
#include "scanner/byte_writer.h"
#include "scanner/packet.h"

namespace postern::scanner {

using Bytes = std::vector<std::uint8_t>;

inline IpAddress Address(const char* text) { return *IpAddress::Parse(text); }

inline Bytes IpPacket(const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                      const Bytes& payload) {
  ByteWriter writer;
  if (from.family() == Family::kIpv4) {
    writer.U16(0x4500).U16(static_cast<std::uint16_t>(20 + payload.size())).U32(0);
    writer.U8(64).U8(protocol).U16(0);
  } else {
    writer.U32(0x60000000).U16(static_cast<std::uint16_t>(payload.size())).U8(protocol).U8(64);
  }
  return writer.Bytes(from.bytes()).Bytes(to.bytes()).Bytes(payload).Take();
}

inline Bytes TcpBytes(const TcpSegment& segment) {
  ByteWriter writer;
  writer.U16(segment.source_port).U16(segment.destination_port);
  writer.U32(segment.sequence).U32(segment.acknowledgement);
  return writer.U8(0x50).U8(segment.flags).Zeros(6).Take();
}

// An error with what it quotes, or with whatever else follows its four unused bytes.
inline Bytes IcmpBytes(std::uint8_t type, std::uint8_t code, const Bytes& quoted) {
  return ByteWriter().U8(type).U8(code).U16(0).U32(0).Bytes(quoted).Take();
}

inline Bytes First(const Bytes& bytes, std::size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

}  // namespace postern::scanner

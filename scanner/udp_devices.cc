#include "scanner/udp_devices.h"

#include <algorithm>
#include <array>

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"

namespace postern::scanner {
namespace {

// ---- CoAP

constexpr std::uint8_t kCoapConfirmable = 0x40;  // version 1, type 0, no token
constexpr std::uint8_t kCoapReset = 0x70;

UdpPayload BuildCoap(std::uint64_t cookie) {
  return ByteWriter().U8(kCoapConfirmable).U8(0).U16(Cookie16(cookie)).Take();
}

bool MatchCoap(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto type = reader.U8();
  const auto code = reader.U8();
  const auto id = reader.U16();
  return reader.ok() && type == kCoapReset && code == 0 && id == Cookie16(cookie);
}

// ---- BACnet

constexpr std::uint8_t kBvlcIp = 0x81;
constexpr std::uint8_t kOriginalUnicast = 0x0a;
constexpr std::uint8_t kReadProperty = 12;

UdpPayload BuildBacnet(std::uint64_t cookie) {
  ByteWriter request;
  request.U8(kBvlcIp).U8(kOriginalUnicast).U16(17);
  request.U8(1).U8(0x04);                                             // NPDU: a reply is expected
  request.Bytes({0x00, 0x05}).U8(Cookie8(cookie)).U8(kReadProperty);  // unsegmented, 1,476 bytes
  request.U8(0x0c).U32(0x023fffff);                                   // any device (4194303)
  request.U8(0x19).U8(75);                                            // object-identifier
  return request.Take();
}

// Complex acknowledgement, error, reject and abort each have the invoke id second.
bool MatchBacnet(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto type = reader.U8();
  const auto function = reader.U8();
  const auto length = reader.U16();
  const auto version = reader.U8();
  const auto control = reader.U8();
  const auto kind = reader.U8() >> 4;
  const auto id = reader.U8();
  return reader.ok() && type == kBvlcIp && function == kOriginalUnicast && length == reply.size() &&
         version == 1 && (control & 0xa8) == 0 && kind >= 3 && kind <= 7 && kind != 4 &&
         id == Cookie8(cookie);
}

// ---- EtherNet/IP: its numbers are little-endian

UdpPayload BuildEthernetIp(std::uint64_t cookie) {
  // Command, then length, session and status 0, our context, options 0.
  return ByteWriter().Bytes({0x04, 0x00}).Zeros(10).U64(cookie).U32(0).Take();
}

bool MatchEthernetIp(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto command = reader.U16();
  const auto length = reader.U16();
  reader.Skip(8);
  const auto context = reader.U64();
  reader.Skip(4);
  return reader.ok() && command == 0x0400 && length > 0 && context == cookie;
}

// ---- KNXnet/IP

constexpr std::uint16_t kKnxHeader = 0x0610;  // six bytes, version 1.0
constexpr std::uint16_t kKnxDescriptionRequest = 0x0203;
constexpr std::uint16_t kKnxDescriptionResponse = 0x0204;

UdpPayload BuildKnx(std::uint64_t /*cookie*/) {
  ByteWriter request;  // the answer goes to 0.0.0.0:0, "route back", over UDP
  request.U16(kKnxHeader).U16(kKnxDescriptionRequest).U16(14);
  return request.Bytes({8, 1}).Zeros(6).Take();
}

bool MatchKnx(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto header = reader.U16();
  const auto service = reader.U16();
  const auto length = reader.U16();
  return reader.ok() && header == kKnxHeader && service == kKnxDescriptionResponse &&
         length == reply.size();
}

// ---- Ubiquiti

UdpPayload BuildUbiquiti(std::uint64_t /*cookie*/) { return {1, 0, 0, 0}; }

bool MatchUbiquiti(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto version = reader.U8();
  reader.Skip(1);
  const auto length = reader.U16();
  return reader.ok() && (version == 1 || version == 2) && length > 0 && length == reader.left();
}

// ---- IAX2

constexpr std::uint16_t kFullFrame = 0x8000;
constexpr std::uint8_t kIaxControl = 6;
constexpr std::uint8_t kPoke = 0x1e;
constexpr std::uint8_t kPong = 0x03;

std::uint16_t IaxCall(std::uint64_t cookie) {
  return static_cast<std::uint16_t>((Cookie16(cookie) & 0x7fffU) | 1U);
}

UdpPayload BuildIax(std::uint64_t cookie) {
  ByteWriter frame;  // their call 0, time 0, sequence numbers 0
  frame.U16(static_cast<std::uint16_t>(kFullFrame | IaxCall(cookie))).U16(0).U32(0).U16(0);
  return frame.U8(kIaxControl).U8(kPoke).Take();
}

bool MatchIax(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto source = reader.U16();
  const auto destination = reader.U16() & 0x7fff;
  reader.Skip(6);
  const auto type = reader.U8();
  const auto subclass = reader.U8();
  return reader.ok() && (source & kFullFrame) != 0 && destination == IaxCall(cookie) &&
         type == kIaxControl && subclass == kPong;
}

// ---- Games

constexpr std::uint32_t kSourcePrefix = 0xffffffff;

UdpPayload BuildSourceQuery(std::uint64_t /*cookie*/) {
  return ByteWriter().U32(kSourcePrefix).Text("TSource Engine Query").U8(0).Take();
}

// A challenge, or the information of today's and of older servers.
bool MatchSourceQuery(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto prefix = reader.U32();
  const auto type = reader.U8();
  reader.Skip(1);
  return reader.ok() && prefix == kSourcePrefix && (type == 'A' || type == 'I' || type == 'm');
}

constexpr std::uint8_t kUnconnectedPing = 0x01;
constexpr std::uint8_t kUnconnectedPong = 0x1c;
constexpr std::array<std::uint8_t, 16> kRakNetMagic = {
    0x00, 0xff, 0xff, 0x00, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78};

UdpPayload BuildRakNet(std::uint64_t cookie) {
  // The time, which is repeated, and the client's number.
  return ByteWriter().U8(kUnconnectedPing).U64(cookie).Bytes(kRakNetMagic).U64(~cookie).Take();
}

bool MatchRakNet(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto type = reader.U8();
  const auto time = reader.U64();
  reader.Skip(8);
  const auto magic = reader.Bytes(kRakNetMagic.size());
  return reader.ok() && type == kUnconnectedPong && time == cookie &&
         std::equal(magic.begin(), magic.end(), kRakNetMagic.begin());
}

}  // namespace

const UdpExchange kCoap = {BuildCoap, MatchCoap};
const UdpExchange kBacnet = {BuildBacnet, MatchBacnet};
const UdpExchange kEthernetIp = {BuildEthernetIp, MatchEthernetIp};
const UdpExchange kKnx = {BuildKnx, MatchKnx};
const UdpExchange kUbiquiti = {BuildUbiquiti, MatchUbiquiti};
const UdpExchange kIax = {BuildIax, MatchIax};
const UdpExchange kSourceQuery = {BuildSourceQuery, MatchSourceQuery};
const UdpExchange kRakNet = {BuildRakNet, MatchRakNet};

}  // namespace postern::scanner

#include "scanner/udp_infrastructure.h"

#include <algorithm>

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"

namespace postern::scanner {
namespace {

// ---- NTP

constexpr std::uint8_t kNtpClient = 0x23;  // leap 0, version 4, mode 3
constexpr std::uint8_t kNtpModeServer = 4;

UdpPayload BuildNtp(std::uint64_t cookie) {
  return ByteWriter().U8(kNtpClient).Zeros(39).U64(cookie).Take();
}

bool MatchNtp(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto mode = reader.U8() & 7;
  reader.Skip(23);
  const auto origin = reader.U64();
  reader.Skip(16);
  return reader.ok() && mode == kNtpModeServer && origin == cookie;
}

// ---- TFTP

constexpr std::uint16_t kTftpRead = 1;
constexpr std::uint16_t kTftpData = 3;
constexpr std::uint16_t kTftpError = 5;
constexpr std::size_t kTftpBlock = 512;

UdpPayload BuildTftp(std::uint64_t cookie) {
  ByteWriter request;
  request.U16(kTftpRead).Text("postern-");
  for (int shift = 60; shift >= 0; shift -= 4) {
    request.U8(static_cast<std::uint8_t>('a' + (cookie >> shift & 0xf)));
  }
  return request.U8(0).Text("octet").U8(0).Take();
}

bool MatchTftp(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto opcode = reader.U16();
  const auto number = reader.U16();  // of the block, or the error
  const auto rest = reader.rest();
  if (!reader.ok()) return false;
  if (opcode == kTftpData) return number == 1 && rest.size() <= kTftpBlock;
  return opcode == kTftpError && !rest.empty() && rest.back() == 0;
}

// ---- ONC RPC

constexpr std::uint32_t kRpcReply = 1;
constexpr std::uint32_t kPortmapProgram = 100000;
constexpr std::uint32_t kNfsProgram = 100003;

UdpPayload NullCall(std::uint64_t cookie, std::uint32_t program, std::uint32_t version) {
  // A call (0) of RPC version 2, procedure 0; no credentials and no verifier.
  ByteWriter call;
  call.U32(Cookie32(cookie)).U32(0).U32(2).U32(program).U32(version).U32(0);
  return call.Zeros(16).Take();
}

UdpPayload BuildPortmap(std::uint64_t cookie) { return NullCall(cookie, kPortmapProgram, 2); }
UdpPayload BuildNfs(std::uint64_t cookie) { return NullCall(cookie, kNfsProgram, 3); }

bool MatchRpc(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto id = reader.U32();
  const auto type = reader.U32();
  const auto accepted_or_denied = reader.U32();
  return reader.ok() && id == Cookie32(cookie) && type == kRpcReply && accepted_or_denied <= 1;
}

// ---- RADIUS

constexpr std::uint8_t kAccessRequest = 1;
constexpr std::uint8_t kAccountingRequest = 4;
constexpr std::uint8_t kAccountingResponse = 5;
constexpr std::size_t kRadiusHeader = 20;

// With a user name and a NAS identifier.
UdpPayload RadiusRequest(std::uint64_t cookie, std::uint8_t code) {
  ByteWriter attributes;
  attributes.U8(1).U8(9).Text("postern").U8(32).U8(9).Text("postern");
  if (code == kAccountingRequest) attributes.U8(40).U8(6).U32(7);  // Accounting-On
  const auto body = attributes.Take();
  ByteWriter request;
  request.U8(code).U8(Cookie8(cookie));
  request.U16(static_cast<std::uint16_t>(kRadiusHeader + body.size()));
  return request.U64(cookie).U64(~cookie).Bytes(body).Take();  // the authenticator: 16 bytes
}

UdpPayload BuildRadius(std::uint64_t cookie) { return RadiusRequest(cookie, kAccessRequest); }
UdpPayload BuildRadiusAccounting(std::uint64_t cookie) {
  return RadiusRequest(cookie, kAccountingRequest);
}

// Access-Accept, -Reject and -Challenge, Accounting-Response.
bool MatchRadius(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto code = reader.U8();
  const auto id = reader.U8();
  const auto length = reader.U16();
  reader.Skip(16);
  return reader.ok() && (code == 2 || code == 3 || code == 11 || code == kAccountingResponse) &&
         id == Cookie8(cookie) && length >= kRadiusHeader && length <= reply.size();
}

// ---- RMCP and IPMI

// Version 6, no acknowledgement wanted (sequence 255), then the class.
constexpr std::uint8_t kClassAsf = 6;
constexpr std::uint8_t kClassIpmi = 7;
constexpr std::uint32_t kAsfEnterprise = 4542;
constexpr std::uint8_t kPresencePing = 0x80;
constexpr std::uint8_t kPresencePong = 0x40;
constexpr std::uint8_t kGetChannelAuthentication = 0x38;
constexpr std::uint8_t kApplication = 0x18;        // network function 6, LUN 0
constexpr std::uint8_t kApplicationAnswer = 0x1c;  // network function 7

UdpPayload BuildRmcpPing(std::uint64_t cookie) {
  ByteWriter ping;
  ping.Bytes({6, 0, 255, kClassAsf}).U32(kAsfEnterprise).U8(kPresencePing);
  return ping.U8(Cookie8(cookie)).U16(0).Take();
}

bool MatchRmcpPing(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto version = reader.U8();
  reader.Skip(2);
  const auto message_class = reader.U8();
  const auto enterprise = reader.U32();
  const auto type = reader.U8();
  const auto tag = reader.U8();
  reader.Skip(2);
  return reader.ok() && version == 6 && message_class == kClassAsf &&
         enterprise == kAsfEnterprise && type == kPresencePong && tag == Cookie8(cookie);
}

// The sequence has six bits.
std::uint8_t IpmiSequence(std::uint64_t cookie) {
  return static_cast<std::uint8_t>(Cookie8(cookie) & 0xfcU);
}

// Makes the sum of the bytes 0 (IPMI 2.0, section 13.8).
std::uint8_t IpmiChecksum(std::initializer_list<std::uint8_t> bytes) {
  unsigned sum = 0;
  for (const auto byte : bytes) sum += byte;
  return static_cast<std::uint8_t>(-sum);
}

UdpPayload BuildIpmi(std::uint64_t cookie) {
  constexpr std::uint8_t kBmc = 0x20;
  constexpr std::uint8_t kConsole = 0x81;
  constexpr std::uint8_t kThisChannel = 0x0e;
  constexpr std::uint8_t kUser = 0x02;
  const auto sequence = IpmiSequence(cookie);
  ByteWriter request;  // no authentication, session 0, nine bytes
  request.Bytes({6, 0, 255, kClassIpmi, 0}).Zeros(8).U8(9);
  request.U8(kBmc).U8(kApplication).U8(IpmiChecksum({kBmc, kApplication}));
  request.Bytes({kConsole, sequence, kGetChannelAuthentication, kThisChannel, kUser});
  request.U8(IpmiChecksum({kConsole, sequence, kGetChannelAuthentication, kThisChannel, kUser}));
  return request.Take();
}

bool MatchIpmi(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto version = reader.U8();
  reader.Skip(2);
  const auto message_class = reader.U8();
  reader.Skip(1 + 8 + 1 + 1);  // session, length, our address
  const auto function = reader.U8();
  reader.Skip(2);  // checksum, its address
  const auto sequence = reader.U8();
  const auto command = reader.U8();
  return reader.ok() && version == 6 && message_class == kClassIpmi &&
         function == kApplicationAnswer && sequence == IpmiSequence(cookie) &&
         command == kGetChannelAuthentication;
}

// ---- SQL Server Browser: its lengths are little-endian

UdpPayload BuildSqlBrowser(std::uint64_t /*cookie*/) { return {3}; }

bool MatchSqlBrowser(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto type = reader.U8();
  const std::size_t low = reader.U8();
  const std::size_t high = reader.U8();
  return reader.ok() && type == 5 && (high << 8 | low) == reader.left();
}

// ---- XDMCP

constexpr std::uint16_t kXdmcpQuery = 2;
constexpr std::uint16_t kXdmcpWilling = 5;
constexpr std::uint16_t kXdmcpUnwilling = 6;

UdpPayload BuildXdmcp(std::uint64_t /*cookie*/) {
  return ByteWriter().U16(1).U16(kXdmcpQuery).U16(1).U8(0).Take();  // no authentication names
}

bool MatchXdmcp(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto version = reader.U16();
  const auto opcode = reader.U16();
  const auto length = reader.U16();
  return reader.ok() && version == 1 && (opcode == kXdmcpWilling || opcode == kXdmcpUnwilling) &&
         length == reader.left();
}

// ---- RIP

UdpPayload BuildRip(std::uint64_t /*cookie*/) {
  ByteWriter request;  // request, version 2; IPv4, no tag; next hop 0, metric infinity
  request.Bytes({1, 2, 0, 0}).U16(2).U16(0);
  request.Bytes({192, 0, 2, 0, 255, 255, 255, 0}).U32(0).U32(16);
  return request.Take();
}

bool MatchRip(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto command = reader.U8();
  const auto version = reader.U8();
  const auto zero = reader.U16();
  return reader.ok() && command == 2 && (version == 1 || version == 2) && zero == 0 &&
         reader.left() % 20 == 0;
}

// ---- NAT-PMP

UdpPayload BuildNatPmp(std::uint64_t /*cookie*/) { return {0, 0}; }

// Version 0 (or, of a server that has left it behind, its own), the operation plus 128, a result.
bool MatchNatPmp(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  reader.Skip(1);
  const auto operation = reader.U8();
  reader.Skip(6);
  return reader.ok() && operation == 128;
}

}  // namespace

const UdpExchange kNtp = {BuildNtp, MatchNtp};
const UdpExchange kTftp = {BuildTftp, MatchTftp};
const UdpExchange kPortmap = {BuildPortmap, MatchRpc};
const UdpExchange kNfs = {BuildNfs, MatchRpc};
const UdpExchange kRadius = {BuildRadius, MatchRadius};
const UdpExchange kRadiusAccounting = {BuildRadiusAccounting, MatchRadius};
const UdpExchange kRmcpPing = {BuildRmcpPing, MatchRmcpPing};
const UdpExchange kIpmi = {BuildIpmi, MatchIpmi};
const UdpExchange kSqlBrowser = {BuildSqlBrowser, MatchSqlBrowser};
const UdpExchange kXdmcp = {BuildXdmcp, MatchXdmcp};
const UdpExchange kRip = {BuildRip, MatchRip};
const UdpExchange kNatPmp = {BuildNatPmp, MatchNatPmp};

}  // namespace postern::scanner

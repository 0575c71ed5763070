#include "scanner/udp_tunnels.h"

#include <algorithm>

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"

namespace postern::scanner {
namespace {

// ---- IKE (RFC 7296, section 3; RFC 2408, section 3)

constexpr std::uint8_t kIkeV1Version = 0x10;
constexpr std::uint8_t kIkeV2Version = 0x20;
constexpr std::uint8_t kMainMode = 2;
constexpr std::uint8_t kInformationalV1 = 5;
constexpr std::uint8_t kSaInit = 34;
constexpr std::uint8_t kFromInitiator = 0x08;
constexpr std::uint8_t kIsResponse = 0x20;
constexpr std::uint16_t kCurve25519 = 31;
constexpr std::size_t kIkeHeader = 28;
// RFC 3948, section 2.2.
constexpr std::size_t kNonEspMarker = 4;

UdpPayload IkeMessage(std::uint64_t cookie, std::uint8_t first_payload, std::uint8_t version,
                      std::uint8_t exchange, std::uint8_t flags, const UdpPayload& payloads) {
  ByteWriter message;
  message.U64(cookie).U64(0).U8(first_payload).U8(version).U8(exchange).U8(flags).U32(0);
  message.U32(static_cast<std::uint32_t>(kIkeHeader + payloads.size())).Bytes(payloads);
  return message.Take();
}

// A generic payload header before `body`.
UdpPayload IkePayload(std::uint8_t next, const UdpPayload& body) {
  ByteWriter payload;
  payload.U8(next).U8(0).U16(static_cast<std::uint16_t>(4 + body.size())).Bytes(body);
  return payload.Take();
}

UdpPayload BuildIkeV2(std::uint64_t cookie) {
  constexpr std::uint8_t kKeyExchange = 34;
  constexpr std::uint8_t kNonce = 40;
  constexpr std::uint8_t kSecurityAssociation = 33;
  // One proposal with four transforms (section 3.3.2); 3: another transform follows.
  ByteWriter transforms;
  transforms.Bytes({3, 0}).U16(12).U8(1).U8(0).U16(12).U16(0x800e).U16(256);  // AES-CBC-256
  transforms.Bytes({3, 0}).U16(8).U8(2).U8(0).U16(5);                         // PRF HMAC-SHA-256
  transforms.Bytes({3, 0}).U16(8).U8(3).U8(0).U16(12);                        // HMAC-SHA-256-128
  transforms.Bytes({0, 0}).U16(8).U8(4).U8(0).U16(kCurve25519);
  ByteWriter proposal;  // number 1, IKE, no SPI, four transforms
  proposal.Bytes({0, 0}).U16(8 + 36).Bytes({1, 1, 0, 4}).Bytes(transforms.Take());
  ByteWriter key;
  key.U16(kCurve25519).U16(0);
  // Any 32 bytes are a public value of Curve25519 (RFC 7748); no exchange follows.
  for (std::uint64_t i = 0; i < 4; ++i) key.U64(cookie ^ (i << 56));
  ByteWriter nonce;
  for (std::uint64_t i = 0; i < 4; ++i) nonce.U64(~cookie ^ (i << 56));
  ByteWriter payloads;
  payloads.Bytes(IkePayload(kKeyExchange, proposal.Take()))
      .Bytes(IkePayload(kNonce, key.Take()))
      .Bytes(IkePayload(0, nonce.Take()));
  return IkeMessage(cookie, kSecurityAssociation, kIkeV2Version, kSaInit, kFromInitiator,
                    payloads.Take());
}

UdpPayload BuildIkeV1(std::uint64_t cookie) {
  constexpr std::uint8_t kSecurityAssociation = 1;
  // Attributes of four bytes each (RFC 2409, appendix A): the high bit says so.
  ByteWriter transform;
  transform.Bytes({0, 0}).U16(8 + 28).Bytes({1, 1, 0, 0});  // number 1, KEY_IKE
  transform.U16(0x8001).U16(7).U16(0x800e).U16(128);        // AES-CBC-128
  transform.U16(0x8002).U16(2);                             // SHA-1
  transform.U16(0x8003).U16(1);                             // pre-shared key
  transform.U16(0x8004).U16(14);                            // MODP-2048
  transform.U16(0x800b).U16(1).U16(0x800c).U16(28800);      // for eight hours, in seconds
  ByteWriter proposal;
  proposal.Bytes({0, 0}).U16(8 + 36).Bytes({1, 1, 0, 1}).Bytes(transform.Take());
  ByteWriter association;  // the IPsec interpretation, identity only
  association.U32(1).U32(1).Bytes(proposal.Take());
  return IkeMessage(cookie, kSecurityAssociation, kIkeV1Version, kMainMode, 0,
                    IkePayload(0, association.Take()));
}

struct IkeHeader {
  std::uint64_t initiator = 0;
  std::uint64_t responder = 0;
  std::uint8_t version = 0;
  std::uint8_t exchange = 0;
  std::uint8_t flags = 0;
  bool ok = false;
};

IkeHeader ReadIke(std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  IkeHeader header;
  header.initiator = reader.U64();
  header.responder = reader.U64();
  reader.Skip(1);
  header.version = reader.U8();
  header.exchange = reader.U8();
  header.flags = reader.U8();
  reader.Skip(4);
  const auto length = reader.U32();
  header.ok = reader.ok() && length == reply.size();
  return header;
}

// A responder that speaks only later versions says so in its own.
bool MatchIkeV2(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  const auto header = ReadIke(reply);
  return header.ok && header.initiator == cookie && header.version >= kIkeV2Version &&
         header.exchange == kSaInit && (header.flags & kIsResponse) != 0;
}

bool MatchIkeV1(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  const auto header = ReadIke(reply);
  return header.ok && header.initiator == cookie && header.responder != 0 &&
         (header.version & 0xf0) == kIkeV1Version &&
         (header.exchange == kMainMode || header.exchange == kInformationalV1);
}

UdpPayload Marked(const UdpPayload& message) {
  return ByteWriter().Zeros(kNonEspMarker).Bytes(message).Take();
}

std::span<const std::uint8_t> Unmarked(std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  return reader.U32() == 0 && reader.ok() ? reader.rest() : std::span<const std::uint8_t>{};
}

UdpPayload BuildIkeV2Nat(std::uint64_t cookie) { return Marked(BuildIkeV2(cookie)); }
UdpPayload BuildIkeV1Nat(std::uint64_t cookie) { return Marked(BuildIkeV1(cookie)); }
bool MatchIkeV2Nat(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  return MatchIkeV2(cookie, Unmarked(reply));
}
bool MatchIkeV1Nat(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  return MatchIkeV1(cookie, Unmarked(reply));
}

// ---- L2TP (RFC 2661, sections 3.1 and 4.4)

constexpr std::uint16_t kL2tpControl = 0xc802;  // control, length and sequence present; version 2
constexpr std::uint16_t kMandatory = 0x8000;

// Zero would mean none.
std::uint16_t L2tpTunnel(std::uint64_t cookie) {
  return static_cast<std::uint16_t>(Cookie16(cookie) | 1U);
}

ByteWriter& Avp(ByteWriter& message, std::uint16_t type, const UdpPayload& value) {
  const auto length = static_cast<std::uint16_t>(kMandatory | (6 + value.size()));
  return message.U16(length).U16(0).U16(type).Bytes(value);
}

UdpPayload BuildL2tp(std::uint64_t cookie) {
  constexpr std::string_view kHostName = "postern";
  ByteWriter avps;
  Avp(avps, 0, {0, 1});        // message type: SCCRQ
  Avp(avps, 2, {1, 0});        // protocol version 1.0
  Avp(avps, 3, {0, 0, 0, 3});  // framing: synchronous and asynchronous
  Avp(avps, 7, UdpPayload(kHostName.begin(), kHostName.end()));
  Avp(avps, 9, ByteWriter().U16(L2tpTunnel(cookie)).Take());
  const auto body = avps.Take();
  ByteWriter message;  // tunnel and session still 0, Ns 0, Nr 0
  message.U16(kL2tpControl).U16(static_cast<std::uint16_t>(12 + body.size()));
  return message.Zeros(8).Bytes(body).Take();
}

bool MatchL2tp(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto flags = reader.U16();
  const auto length = reader.U16();
  const auto tunnel = reader.U16();
  reader.Skip(6);
  return reader.ok() && (flags & 0xc80f) == kL2tpControl && length <= reply.size() &&
         tunnel == L2tpTunnel(cookie);
}

// ---- OpenVPN

constexpr std::uint8_t kResetClientV2 = 7 << 3;  // the opcode's five bits, then the key id
constexpr std::uint8_t kResetServerV2 = 8 << 3;

UdpPayload BuildOpenVpn(std::uint64_t cookie) {
  // Session id, an empty array of acknowledgements, packet id 0.
  return ByteWriter().U8(kResetClientV2).U64(cookie).U8(0).U32(0).Take();
}

bool MatchOpenVpn(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto opcode = reader.U8();
  reader.Skip(8);
  const auto acknowledged = reader.U8();
  reader.Skip(std::size_t{4} * acknowledged);
  const auto session = reader.U64();  // ours, since something is acknowledged
  return reader.ok() && opcode == kResetServerV2 && acknowledged > 0 && session == cookie;
}

// ---- QUIC

constexpr std::uint8_t kLongHeader = 0x80;
constexpr std::uint32_t kReservedVersion = 0x1a2a3a4a;  // RFC 9000, section 15
constexpr std::size_t kSmallestInitial = 1200;          // section 14.1

UdpPayload BuildQuic(std::uint64_t cookie) {
  // Connection ids of eight bytes: theirs, then ours.
  ByteWriter packet;
  packet.U8(0xc0).U32(kReservedVersion).U8(8).U64(~cookie).U8(8).U64(cookie);
  return packet.PadTo(kSmallestInitial).Take();
}

bool MatchQuic(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto form = reader.U8();
  const auto version = reader.U32();
  const auto ours_length = reader.U8();
  const auto ours = reader.U64();
  const auto theirs_length = reader.U8();
  const auto theirs = reader.U64();
  reader.Skip(4);  // one supported version at least
  return reader.ok() && (form & kLongHeader) != 0 && version == 0 && ours_length == 8 &&
         ours == cookie && theirs_length == 8 && theirs == ~cookie;
}

// ---- DTLS (RFC 6347, section 4)

constexpr std::uint8_t kAlert = 21;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kServerHello = 2;
constexpr std::uint8_t kHelloVerifyRequest = 3;
constexpr std::uint16_t kDtls10 = 0xfeff;
constexpr std::uint16_t kDtls12 = 0xfefd;

UdpPayload DtlsHello(std::uint64_t cookie) {
  ByteWriter hello;
  hello.U16(kDtls12);
  for (std::uint64_t i = 0; i < 4; ++i) hello.U64(cookie ^ (i << 56));  // random
  hello.U8(0).U8(0);                                                    // no session, no cookie
  hello.U16(12);                                // suites, ephemeral and pre-shared:
  hello.U16(0xc02b).U16(0xc02f).U16(0xc02c);    // ECDHE, AES-128 and AES-256 with GCM
  hello.U16(0xc030).U16(0xc0ae).U16(0xc0a8);    // CCM-8 for ECDSA and for PSK (RFC 7925)
  hello.U8(1).U8(0);                            // no compression
  hello.U16(22);                                // extensions:
  hello.U16(10).U16(6).U16(4).U16(23).U16(29);  // groups: P-256, X25519
  hello.U16(13).U16(8).U16(6);                  // signatures: ECDSA and RSA with SHA-256
  hello.U16(0x0403).U16(0x0401).U16(0x0804);
  return hello.Take();
}

UdpPayload BuildDtls(std::uint64_t cookie) {
  const auto hello = DtlsHello(cookie);
  const auto length = static_cast<std::uint16_t>(hello.size());
  ByteWriter record;  // epoch 0, sequence 0
  record.U8(kHandshake).U16(kDtls10).Zeros(8).U16(static_cast<std::uint16_t>(12 + length));
  // Message 0 in one fragment; lengths have three bytes.
  record.U8(kClientHello).U8(0).U16(length).U16(0).U8(0).U16(0).U8(0).U16(length);
  return record.Bytes(hello).Take();
}

// Nothing of the hello is repeated; a record in the clear that can only follow one has to do.
bool MatchDtls(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto type = reader.U8();
  const auto version = reader.U16();
  const auto epoch = reader.U16();
  reader.Skip(6);
  const auto length = reader.U16();
  const auto body = reader.Bytes(length);
  if (!reader.ok() || epoch != 0 || (version != kDtls10 && version != kDtls12)) return false;
  if (type == kAlert) return body.size() == 2;
  return type == kHandshake && body.size() >= 12 &&
         (body[0] == kServerHello || body[0] == kHelloVerifyRequest);
}

// ---- STUN (RFC 8489, section 5)

constexpr std::uint16_t kBindingRequest = 0x0001;
constexpr std::uint16_t kBindingSuccess = 0x0101;
constexpr std::uint16_t kBindingError = 0x0111;
constexpr std::uint32_t kMagicCookie = 0x2112a442;

UdpPayload BuildStun(std::uint64_t cookie) {
  ByteWriter request;
  request.U16(kBindingRequest).U16(0).U32(kMagicCookie);
  return request.U64(cookie).U32(~Cookie32(cookie)).Take();
}

bool MatchStun(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto type = reader.U16();
  const auto length = reader.U16();
  const auto magic = reader.U32();
  const auto id = reader.U64();
  const auto rest_of_id = reader.U32();
  return reader.ok() && (type == kBindingSuccess || type == kBindingError) &&
         length == reader.left() && magic == kMagicCookie && id == cookie &&
         rest_of_id == static_cast<std::uint32_t>(~Cookie32(cookie));
}

// ---- GTP

constexpr std::uint8_t kGtpV1WithSequence = 0x32;
constexpr std::uint8_t kEchoRequest = 1;
constexpr std::uint8_t kEchoResponse = 2;

UdpPayload BuildGtp(std::uint64_t cookie) {
  ByteWriter request;  // four bytes follow the tunnel id: sequence, N-PDU, next extension
  request.U8(kGtpV1WithSequence).U8(kEchoRequest).U16(4).U32(0);
  return request.U16(Cookie16(cookie)).U16(0).Take();
}

bool MatchGtp(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto flags = reader.U8();
  const auto type = reader.U8();
  const auto length = reader.U16();
  reader.Skip(4);
  const auto left = reader.left();
  const auto sequence = reader.U16();
  return reader.ok() && (flags & 0xf2) == kGtpV1WithSequence && type == kEchoResponse &&
         length == left && sequence == Cookie16(cookie);
}

}  // namespace

const UdpExchange kIkeV2 = {BuildIkeV2, MatchIkeV2};
const UdpExchange kIkeV1 = {BuildIkeV1, MatchIkeV1};
const UdpExchange kIkeV2Nat = {BuildIkeV2Nat, MatchIkeV2Nat};
const UdpExchange kIkeV1Nat = {BuildIkeV1Nat, MatchIkeV1Nat};
const UdpExchange kL2tp = {BuildL2tp, MatchL2tp};
const UdpExchange kOpenVpn = {BuildOpenVpn, MatchOpenVpn};
const UdpExchange kQuic = {BuildQuic, MatchQuic};
const UdpExchange kDtls = {BuildDtls, MatchDtls};
const UdpExchange kStun = {BuildStun, MatchStun};
const UdpExchange kGtp = {BuildGtp, MatchGtp};

}  // namespace postern::scanner

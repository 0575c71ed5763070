#include "scanner/udp_asn1.h"

#include <optional>

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"

namespace postern::scanner {
namespace {

// X.690: universal tags.
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kNull = 0x05;
constexpr std::uint8_t kObjectIdentifier = 0x06;
constexpr std::uint8_t kEnumerated = 0x0a;
constexpr std::uint8_t kBoolean = 0x01;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kGeneralizedTime = 0x18;
constexpr std::uint8_t kGeneralString = 0x1b;

// [n] and [APPLICATION n], constructed.
constexpr std::uint8_t Context(std::uint8_t n) { return static_cast<std::uint8_t>(0xa0 + n); }
constexpr std::uint8_t Application(std::uint8_t n) { return static_cast<std::uint8_t>(0x60 + n); }

// RFC 3416, section 3.
constexpr std::uint8_t kGetRequest = Context(0);
constexpr std::uint8_t kGetResponse = Context(2);
constexpr std::uint8_t kReport = Context(8);
// RFC 3412, section 6.
constexpr std::uint8_t kReportable = 0x04;
constexpr std::uint8_t kUserSecurityModel = 3;
constexpr std::uint32_t kMostBytes = 1472;
// RFC 4511, section 4.5.
constexpr std::uint8_t kSearchRequest = Application(3);
constexpr std::uint8_t kSearchEntry = Application(4);
constexpr std::uint8_t kSearchDone = Application(5);
constexpr std::uint8_t kPresent = 0x87;  // [7], primitive
// RFC 4120, section 5.10.
constexpr std::uint8_t kAsRequest = 10;
constexpr std::uint8_t kAsReply = 11;
constexpr std::uint8_t kKrbError = 30;

// ---- writing

UdpPayload Joined(std::initializer_list<UdpPayload> parts) {
  ByteWriter all;
  for (const auto& part : parts) all.Bytes(part);
  return all.Take();
}

// What we write is shorter than 256 bytes.
UdpPayload Element(std::uint8_t tag, const UdpPayload& content) {
  ByteWriter element;
  element.U8(tag);
  if (content.size() >= 0x80) element.U8(0x81);
  return element.U8(static_cast<std::uint8_t>(content.size())).Bytes(content).Take();
}

UdpPayload Element(std::uint8_t tag, std::initializer_list<UdpPayload> parts) {
  return Element(tag, Joined(parts));
}

UdpPayload TextElement(std::uint8_t tag, std::string_view text) {
  return Element(tag, ByteWriter().Text(text).Take());
}

// As short as DER has it. Precondition: `value` is below 2^31.
UdpPayload Integer(std::uint32_t value, std::uint8_t tag = kInteger) {
  int bytes = 1;
  while (bytes < 4 && value >> (8 * bytes - 1) != 0) ++bytes;
  ByteWriter content;
  for (int i = bytes - 1; i >= 0; --i) content.U8(static_cast<std::uint8_t>(value >> (8 * i)));
  return Element(tag, content.Take());
}

// ---- reading

struct Tlv {
  std::uint8_t tag = 0;
  ByteReader content;
};

// The next element with a definite length that fits. Long lengths have at most four bytes.
std::optional<Tlv> Next(ByteReader& reader) {
  const auto tag = reader.U8();
  std::size_t length = reader.U8();
  if (length > 0x84) return std::nullopt;
  if (length >= 0x80) {
    const auto bytes = reader.Bytes(length - 0x80);
    if (bytes.empty()) return std::nullopt;
    length = 0;
    for (const auto byte : bytes) length = length << 8 | byte;
  }
  const auto content = reader.Bytes(length);
  if (!reader.ok()) return std::nullopt;
  return Tlv{tag, ByteReader(content)};
}

// What is inside the next element, if it has this tag.
std::optional<ByteReader> Enter(ByteReader& reader, std::uint8_t tag) {
  const auto element = Next(reader);
  if (!element || element->tag != tag) return std::nullopt;
  return element->content;
}

std::optional<std::uint64_t> ReadInteger(ByteReader& reader) {
  const auto content = Enter(reader, kInteger);
  if (!content || content->left() == 0 || content->left() > 8) return std::nullopt;
  std::uint64_t value = 0;
  for (const auto byte : content->rest()) value = value << 8 | byte;
  return value;
}

// ---- SNMP

UdpPayload SnmpPdu(std::uint64_t cookie, const UdpPayload& bindings) {
  return Element(kGetRequest,
                 {Integer(Cookie31(cookie)), Integer(0), Integer(0), Element(kSequence, bindings)});
}

UdpPayload BuildSnmpWithCommunity(std::uint32_t version, std::uint64_t cookie) {
  // 1.3.6.1.2.1.1.3.0
  const auto up_time = Element(kObjectIdentifier, UdpPayload{0x2b, 6, 1, 2, 1, 1, 3, 0});
  const auto binding = Element(kSequence, {up_time, Element(kNull, UdpPayload{})});
  return Element(kSequence,
                 {Integer(version), TextElement(kOctetString, "public"), SnmpPdu(cookie, binding)});
}

UdpPayload BuildSnmpV1(std::uint64_t cookie) { return BuildSnmpWithCommunity(0, cookie); }
UdpPayload BuildSnmpV2c(std::uint64_t cookie) { return BuildSnmpWithCommunity(1, cookie); }

UdpPayload BuildSnmpV3(std::uint64_t cookie) {
  const auto empty = Element(kOctetString, UdpPayload{});
  const auto header = Element(
      kSequence, {Integer(Cookie31(cookie)), Integer(kMostBytes),
                  Element(kOctetString, UdpPayload{kReportable}), Integer(kUserSecurityModel)});
  // Engine id, boots, time, user name, authentication, privacy: none known yet.
  const auto security = Element(
      kOctetString, Element(kSequence, {empty, Integer(0), Integer(0), empty, empty, empty}));
  const auto scoped = Element(kSequence, {empty, empty, SnmpPdu(cookie, {})});
  return Element(kSequence, {Integer(3), header, security, scoped});
}

bool MatchSnmpWithCommunity(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  auto message = Enter(reader, kSequence);
  if (!message) return false;
  const auto version = ReadInteger(*message);
  if (!version || *version > 1 || !Enter(*message, kOctetString)) return false;
  auto pdu = Enter(*message, kGetResponse);
  return pdu && ReadInteger(*pdu) == Cookie31(cookie);
}

// The message id is outside what encryption hides.
bool MatchSnmpV3(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  auto message = Enter(reader, kSequence);
  if (!message || ReadInteger(*message) != 3) return false;
  auto header = Enter(*message, kSequence);
  if (!header || ReadInteger(*header) != Cookie31(cookie)) return false;
  if (!Enter(*message, kOctetString)) return false;
  auto scoped = Enter(*message, kSequence);
  if (!scoped || !Enter(*scoped, kOctetString) || !Enter(*scoped, kOctetString)) return false;
  const auto pdu = Next(*scoped);
  return pdu && (pdu->tag == kReport || pdu->tag == kGetResponse);
}

// ---- CLDAP

UdpPayload BuildCldap(std::uint64_t cookie) {
  const auto attributes = Element(kSequence, TextElement(kOctetString, "supportedLDAPVersion"));
  const auto search =
      Element(kSearchRequest,
              {Element(kOctetString, UdpPayload{}),  // base: the root
               Integer(0, kEnumerated),              // scope: the base object alone
               Integer(0, kEnumerated),              // aliases: never followed
               Integer(1), Integer(5),               // at most one entry, five seconds
               Element(kBoolean, UdpPayload{0}), TextElement(kPresent, "objectClass"), attributes});
  return Element(kSequence, {Integer(Cookie31(cookie)), search});
}

bool MatchCldap(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  auto message = Enter(reader, kSequence);
  if (!message || ReadInteger(*message) != Cookie31(cookie)) return false;
  const auto answer = Next(*message);
  return answer && (answer->tag == kSearchEntry || answer->tag == kSearchDone);
}

// ---- Kerberos

UdpPayload PrincipalName(std::uint32_t type, std::initializer_list<std::string_view> names) {
  ByteWriter strings;
  for (const auto name : names) strings.Bytes(TextElement(kGeneralString, name));
  return Element(kSequence, {Element(Context(0), Integer(type)),
                             Element(Context(1), Element(kSequence, strings.Take()))});
}

UdpPayload BuildKerberos(std::uint64_t cookie) {
  constexpr std::string_view kRealm = "POSTERN.INVALID";  // RFC 2606: nobody has it
  constexpr std::uint32_t kPrincipal = 1;
  constexpr std::uint32_t kServiceInstance = 2;
  const auto body = Element(
      kSequence, {Element(Context(0), Element(kBitString, UdpPayload{0, 0, 0, 0, 0})),
                  Element(Context(1), PrincipalName(kPrincipal, {"postern"})),
                  Element(Context(2), TextElement(kGeneralString, kRealm)),
                  Element(Context(3), PrincipalName(kServiceInstance, {"krbtgt", kRealm})),
                  Element(Context(5), TextElement(kGeneralizedTime, "20370913024805Z")),
                  Element(Context(7), Integer(Cookie31(cookie))),
                  Element(Context(8), Element(kSequence, {Integer(18), Integer(17)}))});  // AES
  return Element(
      Application(kAsRequest),
      Element(kSequence, {Element(Context(1), Integer(5)), Element(Context(2), Integer(kAsRequest)),
                          Element(Context(4), body)}));
}

// A refusal repeats no id, so that its form has to do.
bool MatchKerberos(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  auto outer = Next(reader);
  if (!outer) return false;
  const bool error = outer->tag == Application(kKrbError);
  if (!error && outer->tag != Application(kAsReply)) return false;
  auto message = Enter(outer->content, kSequence);
  if (!message) return false;
  auto version = Enter(*message, Context(0));
  auto type = Enter(*message, Context(1));
  return version && ReadInteger(*version) == 5 && type &&
         ReadInteger(*type) == (error ? kKrbError : kAsReply);
}

}  // namespace

const UdpExchange kSnmpV1 = {BuildSnmpV1, MatchSnmpWithCommunity};
const UdpExchange kSnmpV2c = {BuildSnmpV2c, MatchSnmpWithCommunity};
const UdpExchange kSnmpV3 = {BuildSnmpV3, MatchSnmpV3};
const UdpExchange kCldap = {BuildCldap, MatchCldap};
const UdpExchange kKerberos = {BuildKerberos, MatchKerberos};

}  // namespace postern::scanner

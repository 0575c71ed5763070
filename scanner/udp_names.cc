#include "scanner/udp_names.h"

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"

namespace postern::scanner {
namespace {

// RFC 1035, section 4.1.1.
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kOpcode = 0x7800;
// Section 3.2.2 and 3.2.4.
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypePtr = 12;
constexpr std::uint16_t kTypeTxt = 16;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kClassChaos = 3;
// RFC 6762, section 5.4.
constexpr std::uint16_t kUnicastResponse = 0x8000;
// RFC 1002, section 4.2.1.3.
constexpr std::uint16_t kTypeNodeStatus = 0x21;

// A header with one question; the name's labels follow.
ByteWriter Query(std::uint64_t cookie) {
  ByteWriter query;
  query.U16(Cookie16(cookie)).U16(0).U16(1).U16(0).U16(0).U16(0);
  return query;
}

ByteWriter& Label(ByteWriter& query, std::string_view label) {
  return query.U8(static_cast<std::uint8_t>(label.size())).Text(label);
}

UdpPayload BuildDns(std::uint64_t cookie) {
  auto query = Query(cookie);
  Label(query, "localhost").U8(0).U16(kTypeA).U16(kClassIn);
  return query.Take();
}

UdpPayload BuildDnsVersion(std::uint64_t cookie) {
  auto query = Query(cookie);
  Label(query, "version");
  Label(query, "bind").U8(0).U16(kTypeTxt).U16(kClassChaos);
  return query.Take();
}

UdpPayload BuildMdns(std::uint64_t cookie) {
  auto query = Query(cookie);
  for (const char* label : {"_services", "_dns-sd", "_udp", "local"}) Label(query, label);
  return query.U8(0).U16(kTypePtr).U16(kClassIn | kUnicastResponse).Take();
}

UdpPayload BuildNetbios(std::uint64_t cookie) {
  auto query = Query(cookie);
  // "*" and 15 NULs, each half byte as a letter from 'A' on (RFC 1001, section 14.1).
  Label(query, "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").U8(0).U16(kTypeNodeStatus).U16(kClassIn);
  return query.Take();
}

// A whole header with the id, the response bit and the opcode of a query.
bool MatchName(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto id = reader.U16();
  const auto flags = reader.U16();
  reader.Skip(8);
  return reader.ok() && id == Cookie16(cookie) && (flags & kResponse) != 0 &&
         (flags & kOpcode) == 0;
}

}  // namespace

const UdpExchange kDns = {BuildDns, MatchName};
const UdpExchange kDnsVersion = {BuildDnsVersion, MatchName};
const UdpExchange kMdns = {BuildMdns, MatchName};
const UdpExchange kLlmnr = {BuildDns, MatchName};
const UdpExchange kNetbios = {BuildNetbios, MatchName};

}  // namespace postern::scanner

#include "scanner/udp_text.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "scanner/byte_reader.h"
#include "scanner/byte_writer.h"

namespace postern::scanner {
namespace {

// RFC 864 and 865 have at most 512 characters.
constexpr std::size_t kLongestOldText = 512;

UdpPayload AsPayload(std::string_view text) { return {text.begin(), text.end()}; }

std::string_view AsText(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Hex(std::uint64_t cookie) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[cookie >> shift & 0xf];
  return text;
}

UdpPayload BuildSsdp(std::uint64_t /*cookie*/) {
  return AsPayload(
      "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n"
      "ST: upnp:rootdevice\r\n\r\n");
}

bool MatchSsdp(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  return AsText(reply).starts_with("HTTP/1.");
}

// What we cannot know without a connected socket, our own address, RFC 3581 lets the server fill
// in.
UdpPayload BuildSip(std::uint64_t cookie) {
  const auto id = Hex(cookie);
  return AsPayload(
      "OPTIONS sip:postern@postern.invalid SIP/2.0\r\n"
      "Via: SIP/2.0/UDP postern.invalid;branch=z9hG4bK" +
      id +
      ";rport\r\n"
      "Max-Forwards: 0\r\n"
      "From: <sip:postern@postern.invalid>;tag=" +
      id +
      "\r\n"
      "To: <sip:postern@postern.invalid>\r\n"
      "Call-ID: " +
      id +
      "\r\n"
      "CSeq: 1 OPTIONS\r\n"
      "Content-Length: 0\r\n\r\n");
}

bool MatchSip(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  const auto text = AsText(reply);
  return text.starts_with("SIP/2.0 ") && text.find(Hex(cookie)) != std::string_view::npos;
}

// RFC 4122, version 4, variant 1.
std::string Uuid(std::uint64_t cookie) {
  const auto hex = Hex(cookie);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-4" + hex.substr(12, 3) + "-8000-" +
         hex.substr(0, 12);
}

UdpPayload BuildWsDiscovery(std::uint64_t cookie) {
  return AsPayload(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
      "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\""
      " xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""
      " xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><s:Header>"
      "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
      "<a:MessageID>urn:uuid:" +
      Uuid(cookie) +
      "</a:MessageID>"
      "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
      "</s:Header><s:Body><d:Probe/></s:Body></s:Envelope>");
}

bool MatchWsDiscovery(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  const auto text = AsText(reply);
  return text.find("ProbeMatches") != std::string_view::npos &&
         text.find(Uuid(cookie)) != std::string_view::npos;
}

UdpPayload BuildMemcached(std::uint64_t cookie) {
  // Request id, datagram 0 of 1, reserved.
  ByteWriter request;
  request.U16(Cookie16(cookie)).U16(0).U16(1).U16(0).Text("version\r\n");
  return request.Take();
}

bool MatchMemcached(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  ByteReader reader(reply);
  const auto id = reader.U16();
  const auto number = reader.U16();
  const auto total = reader.U16();
  const auto reserved = reader.U16();
  const auto letter = reader.U8();  // of VERSION, or an ERROR
  return reader.ok() && id == Cookie16(cookie) && number == 0 && total > 0 && reserved == 0 &&
         letter >= 'A' && letter <= 'Z';
}

UdpPayload BuildBittorrentDht(std::uint64_t cookie) {
  ByteWriter ping;
  ping.Text("d1:ad2:id20:postern-").U64(cookie).Text("1234e1:q4:ping1:t8:").U64(cookie);
  return ping.Text("1:y1:qe").Take();
}

bool MatchBittorrentDht(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  const auto id = ByteWriter().Text("1:t8:").U64(cookie).Take();
  const auto text = AsText(reply);
  const bool answers = text.find("1:y1:r") != std::string_view::npos ||
                       text.find("1:y1:e") != std::string_view::npos;
  return text.starts_with('d') && answers && text.find(AsText(id)) != std::string_view::npos;
}

UdpPayload BuildEcho(std::uint64_t cookie) { return AsPayload("postern " + Hex(cookie)); }

bool MatchEcho(std::uint64_t cookie, std::span<const std::uint8_t> reply) {
  const auto sent = BuildEcho(cookie);
  return std::equal(sent.begin(), sent.end(), reply.begin(), reply.end());
}

// White space that differs for each endpoint, so that an ICMP error that quotes it is about our
// packet; eight bytes, so that it is never taken for ESP (MayBeTakenForEsp()).
UdpPayload BuildEmptyLines(std::uint64_t cookie) {
  constexpr std::string_view kSpaces = " \t\v\f";
  std::string lines;
  for (int shift = 0; shift < 8; shift += 2) lines += kSpaces[cookie >> shift & 3];
  return AsPayload(lines + "\r\n\r\n");
}

bool MatchOldText(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  return !reply.empty() && reply.size() <= kLongestOldText &&
         std::all_of(reply.begin(), reply.end(), [](std::uint8_t byte) {
           return (byte >= ' ' && byte <= '~') || (byte >= '\t' && byte <= '\r');
         });
}

bool MatchTime(std::uint64_t /*cookie*/, std::span<const std::uint8_t> reply) {
  return reply.size() == 4;
}

UdpPayload BuildNothing(std::uint64_t /*cookie*/) { return {}; }

// What answers two empty lines or nothing at all may say anything, so nothing proves that it meant
// us.
bool MatchNothing(std::uint64_t /*cookie*/, std::span<const std::uint8_t> /*reply*/) {
  return false;
}

}  // namespace

const UdpExchange kSsdp = {BuildSsdp, MatchSsdp};
const UdpExchange kSip = {BuildSip, MatchSip};
const UdpExchange kWsDiscovery = {BuildWsDiscovery, MatchWsDiscovery};
const UdpExchange kMemcached = {BuildMemcached, MatchMemcached};
const UdpExchange kBittorrentDht = {BuildBittorrentDht, MatchBittorrentDht};
const UdpExchange kEcho = {BuildEcho, MatchEcho};
const UdpExchange kOldText = {BuildEmptyLines, MatchOldText};
const UdpExchange kTime = {BuildEmptyLines, MatchTime};
const UdpExchange kEmptyLines = {BuildEmptyLines, MatchNothing};
const UdpExchange kNothing = {BuildNothing, MatchNothing};

}  // namespace postern::scanner

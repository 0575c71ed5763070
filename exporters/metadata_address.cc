#include "exporters/metadata_address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ascii.h"
#include "core/http_url.h"
#include "core/prefix.h"

namespace postern::exporters {
namespace {

constexpr std::array<std::string_view, 10> kGuarded = {
    "169.254.0.0/16",      // link-local; Amazon, Azure, Google, Oracle and others
    "fe80::/10",           // link-local
    "fd00:ec2::254",       // Amazon EC2
    "fd00:ec2::23",        // Amazon EKS
    "fd20:ce::254",        // Google
    "fd00:c1::a9fe:a9fe",  // Oracle
    "fd00:42::42",         // Scaleway
    "100.100.100.200",     // Alibaba
    "168.63.129.16",       // Azure
    "192.0.0.192",         // Oracle Classic
};

constexpr std::array<std::string_view, 4> kGuardedNames = {
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
};

// At which bytes of an IPv6 address of the prefix an IPv4 address stands.
struct Embedding {
  std::string_view prefix;
  std::array<std::uint8_t, 4> at;
  std::uint8_t mask = 0;  // with which each byte is combined by exclusive or
};

constexpr std::array<Embedding, 11> kEmbeddings = {{
    {"::/96", {12, 13, 14, 15}},            // IPv4-compatible (RFC 4291, section 2.5.5.1)
    {"::ffff:0:0/96", {12, 13, 14, 15}},    // IPv4-mapped (RFC 4291, section 2.5.5.2)
    {"::ffff:0:0:0/96", {12, 13, 14, 15}},  // IPv4-translated (RFC 2765, section 2.1)
    {"64:ff9b::/96", {12, 13, 14, 15}},     // NAT64 (RFC 6052, section 2.1)
    // NAT64 of local use (RFC 8215), with each prefix length that fits (RFC 6052, section 2.2).
    {"64:ff9b:1::/48", {6, 7, 9, 10}},
    {"64:ff9b:1::/48", {7, 9, 10, 11}},
    {"64:ff9b:1::/48", {9, 10, 11, 12}},
    {"64:ff9b:1::/48", {12, 13, 14, 15}},
    {"2002::/16", {2, 3, 4, 5}},            // 6to4 (RFC 3056, section 2)
    {"2001::/32", {4, 5, 6, 7}},            // Teredo: the server (RFC 4380, section 4)
    {"2001::/32", {12, 13, 14, 15}, 0xFF},  // Teredo: the client, each bit inverted
}};

// Interface identifiers of ISATAP (RFC 5214, section 6.1), whatever the prefix.
bool IsIsatap(const IpAddress& address) {
  const auto bytes = address.bytes();
  return bytes.size() == 16 && (bytes[8] & 0xFDU) == 0 && bytes[9] == 0 && bytes[10] == 0x5E &&
         bytes[11] == 0xFE;
}

bool IsGuarded(const IpAddress& address) {
  static const auto kPrefixes = [] {
    std::vector<Prefix> prefixes;
    prefixes.reserve(kGuarded.size());
    for (const auto text : kGuarded) prefixes.push_back(*Prefix::Parse(text));
    return prefixes;
  }();
  return std::ranges::any_of(kPrefixes,
                             [&](const Prefix& prefix) { return prefix.Contains(address); });
}

IpAddress Embedded(const IpAddress& address, const Embedding& embedding) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes.at(i) = address.bytes()[embedding.at.at(i)] ^ embedding.mask;
  }
  return *IpAddress::FromBytes(bytes);
}

}  // namespace

bool IsLinkLocalOrMetadata(const IpAddress& address) {
  if (IsGuarded(address)) return true;
  if (IsIsatap(address) && IsGuarded(Embedded(address, {"::/0", {12, 13, 14, 15}}))) return true;
  return std::ranges::any_of(kEmbeddings, [&](const Embedding& embedding) {
    return Prefix::Parse(embedding.prefix)->Contains(address) &&
           IsGuarded(Embedded(address, embedding));
  });
}

bool IsLinkLocalOrMetadataHost(std::string_view host) {
  if (const auto address = AddressOfHost(host)) return IsLinkLocalOrMetadata(*address);
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::ranges::find(kGuardedNames, AsciiLowerCase(host)) != kGuardedNames.end();
}

}  // namespace postern::exporters

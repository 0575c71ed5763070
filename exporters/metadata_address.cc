#include "exporters/metadata_address.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "core/prefix.h"

namespace postern::exporters {
namespace {

constexpr std::array<std::string_view, 7> kGuarded = {
    "169.254.0.0/16",      // link-local; Amazon, Azure, Google, Oracle and others
    "fe80::/10",           // link-local
    "fd00:ec2::254",       // Amazon
    "fd20:ce::254",        // Google
    "fd00:c1::a9fe:a9fe",  // Oracle
    "100.100.100.200",     // Alibaba
    "168.63.129.16",       // Azure
};
constexpr std::array<std::string_view, 2> kEmbedsIpv4 = {
    "::ffff:0:0/96",  // mapped (RFC 4291)
    "64:ff9b::/96",   // NAT64 (RFC 6052)
};

template <std::size_t size>
std::vector<Prefix> Parsed(const std::array<std::string_view, size>& texts) {
  std::vector<Prefix> prefixes;
  prefixes.reserve(size);
  for (const auto text : texts) prefixes.push_back(*Prefix::Parse(text));
  return prefixes;
}

bool IsIn(const std::vector<Prefix>& prefixes, const IpAddress& address) {
  return std::ranges::any_of(prefixes,
                             [&](const Prefix& prefix) { return prefix.Contains(address); });
}

}  // namespace

bool IsLinkLocalOrMetadata(const IpAddress& address) {
  static const auto kGuardedPrefixes = Parsed(kGuarded);
  static const auto kEmbeddingPrefixes = Parsed(kEmbedsIpv4);
  const bool embeds = IsIn(kEmbeddingPrefixes, address);
  const auto meant = embeds ? *IpAddress::FromBytes(address.bytes().subspan(12)) : address;
  return IsIn(kGuardedPrefixes, meant);
}

}  // namespace postern::exporters

#include "exporters/metadata_address.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/ascii.h"
#include "core/http_url.h"
#include "core/prefix.h"
#include "core/special_address.h"

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

}  // namespace

bool IsLinkLocalOrMetadata(const IpAddress& address) {
  return IsGuarded(address) || std::ranges::any_of(EmbeddedIpv4(address), IsGuarded);
}

bool IsLinkLocalOrMetadataHost(std::string_view host) {
  if (const auto address = AddressOfHost(host)) return IsLinkLocalOrMetadata(*address);
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::ranges::find(kGuardedNames, AsciiLowerCase(host)) != kGuardedNames.end();
}

}  // namespace postern::exporters

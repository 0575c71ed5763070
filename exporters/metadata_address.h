// Where clouds hand out credentials, and orders to their machines, to whoever can connect.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/ip_address.h"

namespace postern::exporters {

// Where a request may go, whatever its name resolves to.
enum class AllowedAddresses : std::uint8_t {
  kNotLinkLocal,  // not where IsLinkLocalOrMetadata
  kAll,
};

// Behind the name of one.
inline constexpr std::string_view kWhyNotAllowed =
    " is a link-local or metadata address; set allow_link_local if that is meant";

// Link-local, or where a cloud is known to keep its metadata; an IPv4 address inside an IPv6 one
// (mapped, or by NAT64) counts as itself.
bool IsLinkLocalOrMetadata(const IpAddress& address);

}  // namespace postern::exporters

// Where clouds hand out credentials, and orders to their machines, to every program that can
// connect.
#pragma once

#include <string_view>

#include "core/ip_address.h"

namespace postern::exporters {

// Stands behind the name of such a place.
inline constexpr std::string_view kWhyNotAllowed =
    " is a link-local or metadata address; set allow_link_local if that is meant";

// Whether the address is link-local, or one at which a cloud is known to keep its metadata. An
// IPv6 address that stands for an IPv4 one, or that a tunnel or translator would send on to one,
// counts as that.
bool IsLinkLocalOrMetadata(const IpAddress& address);

// The same for the host of a URL: an address in any spelling, or a name that clouds give such an
// address. For where a proxy resolves the name; else the address that is connected to is judged.
bool IsLinkLocalOrMetadataHost(std::string_view host);

}  // namespace postern::exporters

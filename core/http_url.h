// URLs of HTTP servers, and the hosts in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ip_address.h"

namespace postern {

struct HttpUrl {
  bool tls = false;
  std::string host;           // a name in ASCII, or an address without brackets
  std::string host_and_port;  // as in the text
  std::uint16_t port = 0;
  std::string resource;  // path and query; begins with a slash

  // http:// or https://, without a user name; none for anything else.
  static std::optional<HttpUrl> Parse(std::string_view text);
};

// The address that a host is, also in the spellings that the resolver takes besides dotted quads
// (inet_aton(3): 2852039166, 0xa9fea9fe, 0251.0376.0251.0376, 169.254.43518). None for a name.
std::optional<IpAddress> AddressOfHost(std::string_view host);

// Whether the host is this machine: a loopback address, "localhost", or a name below that
// (RFC 6761, section 6.3).
bool IsLoopbackHost(std::string_view host);

}  // namespace postern

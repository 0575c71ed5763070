// URLs of HTTP servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

struct HttpUrl {
  bool tls = false;
  std::string host;           // a name, or an address without brackets
  std::string host_and_port;  // as in the text
  std::uint16_t port = 0;
  std::string resource;  // path and query; begins with a slash

  // http:// or https://, without a user name; none for anything else.
  static std::optional<HttpUrl> Parse(std::string_view text);
};

}  // namespace postern

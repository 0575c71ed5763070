#include "core/http_url.h"

#include <boost/url.hpp>

#include "core/parse_number.h"

namespace postern {

std::optional<HttpUrl> HttpUrl::Parse(std::string_view text) {
  const auto url = boost::urls::parse_uri(text);
  if (!url || url->encoded_host().empty() || url->has_userinfo()) return std::nullopt;
  const bool tls = url->scheme_id() == boost::urls::scheme::https;
  if (!tls && url->scheme_id() != boost::urls::scheme::http) return std::nullopt;
  // RFC 3986, section 3.3. Boost.URL 1.81 takes what follows a port for a path.
  const std::string path(url->encoded_path());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  const std::string default_port = tls ? "443" : "80";
  const auto port =
      ParseDecimal(url->has_port() ? std::string(url->port()) : default_port, 1, 65535);
  if (!port) return std::nullopt;
  std::string resource(url->encoded_resource());
  HttpUrl parsed{.tls = tls,
                 .host = url->host_address(),
                 .host_and_port = std::string(url->encoded_host_and_port()),
                 .port = static_cast<std::uint16_t>(*port),
                 .resource = "/"};
  if (resource.starts_with('/')) resource.erase(0, 1);
  parsed.resource += resource;
  return parsed;
}

}  // namespace postern

#include "core/http_url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <boost/url.hpp>
#include <cstring>

#include "core/ascii.h"
#include "core/parse_number.h"

namespace postern {
namespace {

bool IsOneOf(char c, std::string_view more) {
  return IsAsciiLetterOrDigit(c) || more.find(c) != std::string_view::npos;
}

// A name whose bytes are read alike by everything that it is handed to: no escapes are left, and an
// international name is in its ASCII form (RFC 5890).
bool IsPlainHost(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    return IpAddress::Parse(host.substr(1, host.size() - 2)).has_value();
  }
  return std::ranges::all_of(host, [](char c) { return IsOneOf(c, "-._"); });
}

}  // namespace

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
  std::string resource(url->encoded_target());
  if (!IsPlainHost(url->encoded_host())) return std::nullopt;
  HttpUrl parsed{.tls = tls,
                 .host = url->host_address(),
                 .host_and_port = std::string(url->encoded_host_and_port()),
                 .port = static_cast<std::uint16_t>(*port),
                 .resource = "/"};
  if (resource.starts_with('/')) resource.erase(0, 1);
  parsed.resource += resource;
  return parsed;
}

std::optional<IpAddress> AddressOfHost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (const auto address = IpAddress::Parse(host)) return address;
  // inet_aton takes anything behind a space.
  const bool plain = std::ranges::all_of(host, [](char c) { return IsOneOf(c, "."); });
  in_addr address{};
  if (!plain || inet_aton(std::string(host).c_str(), &address) == 0) return std::nullopt;
  std::array<std::uint8_t, sizeof address> bytes{};
  std::memcpy(bytes.data(), &address, sizeof address);
  return IpAddress::FromBytes(bytes);
}

bool IsLoopbackHost(std::string_view host) {
  if (const auto address = AddressOfHost(host)) return address->IsLoopback();
  auto name = AsciiLowerCase(host);
  if (name.ends_with('.')) name.pop_back();
  return name == "localhost" || name.ends_with(".localhost");
}

}  // namespace postern

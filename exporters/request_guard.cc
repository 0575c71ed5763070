#include "exporters/request_guard.h"

#include <algorithm>

#include "core/ip_address.h"

namespace postern::exporters {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameText(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

// The host of HOST[:PORT] or [ADDRESS][:PORT], without brackets and a final dot.
std::string_view WithoutPort(std::string_view authority) {
  if (authority.starts_with('[')) {
    return authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
  }
  auto host = authority.substr(0, authority.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool IsNamed(std::string_view host, const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&](const auto& name) { return SameText(host, name); });
}

}  // namespace

bool IsOwnHost(std::string_view host, const std::vector<std::string>& names) {
  const auto name = WithoutPort(host);
  return IpAddress::Parse(name) || SameText(name, "localhost") || IsNamed(name, names);
}

bool IsCrossSite(const RequestHeaders& headers, const std::vector<std::string>& names) {
  const auto site = headers.sec_fetch_site;
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  if (headers.origin.empty()) return false;
  const auto scheme_end = headers.origin.find("://");
  if (scheme_end == std::string_view::npos) return true;  // "null": a page without an origin
  const auto authority = headers.origin.substr(scheme_end + 3);
  return !SameText(authority, headers.host) && !IsNamed(WithoutPort(authority), names);
}

}  // namespace postern::exporters

#include "exporters/request_target.h"

#include <algorithm>

namespace postern::exporters {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// How long "http://" or "https://" is in front; 0 where neither is.
std::size_t SchemeLength(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (std::ranges::equal(target.substr(0, scheme.size()), scheme, {}, Lower)) {
      return scheme.size();
    }
  }
  return 0;
}

}  // namespace

std::string OriginForm(std::string_view target) {
  const auto scheme = SchemeLength(target);
  if (scheme == 0) return std::string(target);
  const auto path = target.find_first_of("/?", scheme);
  if (path == std::string_view::npos) return "/";
  return (target[path] == '?' ? "/" : "") + std::string(target.substr(path));
}

std::optional<std::string_view> AuthorityOf(std::string_view target) {
  const auto scheme = SchemeLength(target);
  if (scheme == 0) return std::nullopt;
  return target.substr(scheme, target.find_first_of("/?", scheme) - scheme);
}

}  // namespace postern::exporters

#include "policy/secret_line.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/ascii.h"

namespace postern::policy {
namespace {

constexpr std::array<std::string_view, 8> kSecretKeys = {
    "password", "secret", "token", "credentials", "authorization", "cookie", "api-key", "api_key"};

// Not cut at a '/': a password that is written without care may have one.
bool HasUrlWithUser(std::string_view line) {
  constexpr std::string_view kScheme = "://";
  for (auto at = line.find(kScheme); at != std::string_view::npos; at = line.find(kScheme)) {
    line.remove_prefix(at + kScheme.size());
    const auto url = line.substr(0, line.find_first_of(" \t\"'"));
    if (url.find('@') != std::string_view::npos) return true;
  }
  return false;
}

// The word as the end of a key, quoted or not.
bool HasKey(std::string_view line, std::string_view word) {
  for (auto at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const auto rest = line.substr(at + word.size());
    const auto next = rest.find_first_not_of(" \t\"'");
    if (next != std::string_view::npos && rest[next] == ':') return true;
  }
  return false;
}

}  // namespace

bool MayHoldSecret(std::string_view text) {
  const auto line = AsciiLowerCase(text);
  return HasUrlWithUser(line) || std::ranges::any_of(kSecretKeys, [&](std::string_view word) {
           return HasKey(line, word);
         });
}

}  // namespace postern::policy

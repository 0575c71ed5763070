#include "core/dns_name.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

namespace postern {
namespace {

// RFC 1035, section 2.3.4.
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;
// A text before its conversion: 253 characters of up to 4 bytes, with a trailing dot.
constexpr std::size_t kMaxText = 4 * (kMaxName + 1);

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

// Underscores occur in practice.
bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && std::ranges::all_of(label, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// The last label holds a letter, or it would be a broken address.
bool IsCanonical(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  const auto last = name.substr(name.rfind('.') + 1);
  if (last.find_first_not_of("0123456789") == std::string_view::npos) return false;
  while (true) {
    const auto dot = name.find('.');
    if (!IsLabel(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// Requires that `text` holds no NUL.
Result<std::string> ToALabels(std::string_view text) {
  char* raw = nullptr;
  const std::string terminated(text);
  const int status =
      idn2_to_ascii_8z(terminated.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owned(raw, idn2_free);
  if (status == IDN2_OK) return std::string(raw);
  return Error{"it cannot be written in ASCII: " + std::string(idn2_strerror(status)) +
               "; give the name as DNS has it, with labels that begin with xn--"};
}

}  // namespace

Result<std::string> CanonicalDnsName(std::string_view text) {
  if (text.size() > kMaxText) return Error{"it is too long"};
  std::string name(text);
  if (!IsAscii(text)) {
    if (text.find('\0') != std::string_view::npos) return Error{"it holds a NUL"};
    auto ascii = ToALabels(text);
    if (!ascii) return ascii;
    name = *std::move(ascii);
  }
  name = LowerCase(name);
  if (name.ends_with('.')) name.pop_back();
  if (IsCanonical(name)) return name;
  return Error{"labels have 1 to 63 letters, digits, '_' and '-', and all together 253 characters"};
}

std::string DnsNameKey(std::string_view text) {
  auto name = CanonicalDnsName(text);
  return name ? *std::move(name) : std::string(text);
}

}  // namespace postern

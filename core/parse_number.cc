#include "core/parse_number.h"

#include <charconv>

namespace postern {

std::optional<std::uint64_t> ParseDecimal(std::string_view text, std::uint64_t low,
                                          std::uint64_t high) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < low || value > high) return std::nullopt;
  return value;
}

}  // namespace postern

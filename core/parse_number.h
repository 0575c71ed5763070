// Plain decimal numbers and nothing else: no sign, no leading zero (070 is not 56), no hexadecimal.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern {

// None unless `text` is a plain decimal number from `low` to `high`.
std::optional<std::uint64_t> ParseDecimal(std::string_view text, std::uint64_t low,
                                          std::uint64_t high);

}  // namespace postern

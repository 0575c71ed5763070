// The one table of names that an enum's ToString and Parse share.
#pragma once

#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

namespace postern {

template <typename E, std::size_t N>
using EnumNames = std::array<std::pair<E, std::string_view>, N>;

// Aborts on a value that the table leaves out: a broken invariant.
template <typename E, std::size_t N>
std::string_view NameOf(const EnumNames<E, N>& names, E wanted) {
  for (const auto& [value, name] : names) {
    if (value == wanted) return name;
  }
  std::abort();
}

template <typename E, std::size_t N>
std::optional<E> ValueOf(const EnumNames<E, N>& names, std::string_view wanted) {
  for (const auto& [value, name] : names) {
    if (name == wanted) return value;
  }
  return std::nullopt;
}

}  // namespace postern

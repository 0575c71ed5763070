#include "core/counted.h"

namespace postern {

std::string Counted(std::uint64_t count, std::string_view noun) {
  std::string text = std::to_string(count) + " " + std::string(noun);
  if (count == 1) return text;
  if (noun.ends_with('y')) return text.replace(text.size() - 1, 1, "ies");
  return text + (noun.ends_with('s') ? "es" : "s");
}

}  // namespace postern

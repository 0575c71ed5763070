// "did you mean" for misspelt names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postern {

// The candidate nearest to `word` by edit distance, if it is near enough to be a misspelling of it
// (at most a third of its length, at least one edit).
std::optional<std::string> NearestName(std::string_view word,
                                       std::span<const std::string_view> candidates);

}  // namespace postern

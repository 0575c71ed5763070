// Where a reader gets its input from, piece by piece.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "core/result.h"

namespace postern::formats {

// Writes the next bytes of the input and returns their number; 0 at the end.
using ByteSource = std::function<Result<std::size_t>(std::span<char>)>;

// The text must outlive the source.
ByteSource BytesOf(std::string_view text);

}  // namespace postern::formats

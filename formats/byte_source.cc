#include "formats/byte_source.h"

#include <algorithm>

namespace postern::formats {

ByteSource BytesOf(std::string_view text) {
  return [text](std::span<char> out) mutable -> Result<std::size_t> {
    const std::size_t count = std::min(text.size(), out.size());
    std::copy_n(text.begin(), count, out.begin());
    text.remove_prefix(count);
    return count;
  };
}

}  // namespace postern::formats

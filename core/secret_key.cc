#include "core/secret_key.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace postern {

Result<std::string> NewSecretKey() {
  constexpr std::size_t kBytes = 32;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::uint8_t, kBytes> bytes{};
  if (::getentropy(bytes.data(), bytes.size()) != 0) {
    return Error{std::string("no random bytes from the system: ") + std::strerror(errno)};
  }
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

}  // namespace postern

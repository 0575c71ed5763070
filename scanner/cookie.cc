#include "scanner/cookie.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace postern::scanner {

CookieKey::CookieKey() {
  static_assert(crypto_shorthash_KEYBYTES == sizeof(key_));
  // Draws from getrandom(2); needs no sodium_init, which only makes it safe against forks.
  randombytes_buf(key_.data(), key_.size());
}

std::uint64_t CookieKey::Of(const IpAddress& source, std::uint16_t source_port,
                            const Endpoint& target) const {
  std::array<std::uint8_t, 37> input{};
  std::copy_n(source.bytes().data(), source.bytes().size(), input.data());
  std::copy_n(target.address.bytes().data(), target.address.bytes().size(), input.data() + 16);
  input[32] = static_cast<std::uint8_t>(source_port >> 8);
  input[33] = static_cast<std::uint8_t>(source_port);
  input[34] = static_cast<std::uint8_t>(target.port >> 8);
  input[35] = static_cast<std::uint8_t>(target.port);
  input[36] = static_cast<std::uint8_t>(target.protocol);
  static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), input.data(), input.size(), key_.data());
  std::uint64_t cookie = 0;
  std::memcpy(&cookie, hash.data(), sizeof(cookie));
  return cookie;
}

}  // namespace postern::scanner

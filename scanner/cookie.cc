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

std::uint64_t CookieKey::Of(std::uint16_t source_port, const Endpoint& target) const {
  std::array<std::uint8_t, 21> input{};
  std::copy_n(target.address.bytes().data(), target.address.bytes().size(), input.data());
  input[16] = static_cast<std::uint8_t>(source_port >> 8);
  input[17] = static_cast<std::uint8_t>(source_port);
  input[18] = static_cast<std::uint8_t>(target.port >> 8);
  input[19] = static_cast<std::uint8_t>(target.port);
  input[20] = static_cast<std::uint8_t>(target.protocol);
  static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), input.data(), input.size(), key_.data());
  std::uint64_t cookie = 0;
  std::memcpy(&cookie, hash.data(), sizeof(cookie));
  return cookie;
}

}  // namespace postern::scanner

#include "core/digest.h"

#include <openssl/sha.h>

#include <array>

namespace postern {
namespace {

using Sha256Bytes = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Sha256Bytes Sha256(std::string_view bytes) {
  Sha256Bytes digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

}  // namespace

std::string Sha256Hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : Sha256(bytes)) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string Sha256Base32(std::string_view bytes, std::size_t characters) {
  static constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";
  const auto digest = Sha256(bytes);
  std::string text;
  for (std::size_t i = 0; i < characters; ++i) {
    const auto bit = i * 5;
    const unsigned high = digest[bit / 8];
    const unsigned low = bit / 8 + 1 < digest.size() ? digest[bit / 8 + 1] : 0;
    text += kDigits[(((high << 8) | low) >> (11 - bit % 8)) & 31];
  }
  return text;
}

}  // namespace postern

#include "core/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
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

std::string HmacSha256Base64(std::string_view key, std::string_view bytes) {
  Sha256Bytes code{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), code.data(), &size);
  return EncodeBase64({reinterpret_cast<const char*>(code.data()), code.size()});
}

std::string EncodeBase64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const auto padding = static_cast<std::size_t>(std::count(text.end() - 2, text.end(), '='));
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

}  // namespace postern

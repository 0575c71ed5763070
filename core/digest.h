// SHA-256 (OpenSSL's) as the text forms that Postern shows, and as a message authentication code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern {

// 64 lower-case hexadecimal characters.
std::string Sha256Hex(std::string_view bytes);
// The first `characters` of the RFC 4648 base32 form, in lower case. Precondition: at most 51.
std::string Sha256Base32(std::string_view bytes, std::size_t characters);

// HMAC-SHA256 (RFC 2104) in base64 (RFC 4648, section 4).
std::string HmacSha256Base64(std::string_view key, std::string_view bytes);
// Base64 (RFC 4648, section 4), without line ends.
std::string EncodeBase64(std::string_view bytes);
// None if `text` is not base64.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace postern

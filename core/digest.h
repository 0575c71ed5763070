// SHA-256 (OpenSSL's) as the text forms that Postern shows.
#pragma once

#include <string>
#include <string_view>

namespace postern {

// 64 lower-case hexadecimal characters.
std::string Sha256Hex(std::string_view bytes);
// The first `characters` of the RFC 4648 base32 form, in lower case. Precondition: at most 51.
std::string Sha256Base32(std::string_view bytes, std::size_t characters);

}  // namespace postern

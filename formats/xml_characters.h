// What bytes and references mean in XML 1.0: the alphabet of xml_tokens.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::formats {

// What a byte is to the scanner. The NUL behind the data is of no class, so that every loop over a
// class ends there.
enum ByteClass : std::uint8_t {
  kNameStart = 1,
  kName = 2,  // may follow in a name
  kSpace = 4,
  kPlain = 8,  // stands for itself in text and in both kinds of quotes
};

constexpr std::array<std::uint8_t, 256> MakeClasses() {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
    const bool digit = c >= '0' && c <= '9';
    if (letter || c == '_' || c == ':') classes[c] |= kNameStart | kName;
    if (digit || c == '-' || c == '.') classes[c] |= kName;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') classes[c] |= kSpace;
    const bool special =
        c < 0x20 || c == '<' || c == '&' || c == '"' || c == '\'' || c == ']' || c == '>';
    if (!special) classes[c] |= kPlain;
  }
  return classes;
}

inline constexpr auto kClasses = MakeClasses();

inline bool Is(char c, std::uint8_t classes) {
  return (kClasses[static_cast<unsigned char>(c)] & classes) != 0;
}

// The first byte from `p` on that is of none of the classes.
inline const char* Skip(const char* p, std::uint8_t classes) {
  while (Is(*p, classes)) ++p;
  return p;
}

// XML 1.0 section 2.2.
bool IsXmlCharacter(std::uint32_t code);
inline bool IsXmlByte(char c) { return static_cast<unsigned char>(c) >= 0x20 || Is(c, kSpace); }

// Returns the character that `reference`, the text between '&' and ';', stands for: a number or one
// of XML's five names. A number that XML 1.0 does not allow gives U+FFFD: nmap writes such
// references for control characters in banners (https://github.com/nmap/nmap/issues/2657).
std::optional<std::uint32_t> ReferencedCharacter(std::string_view reference);

// Resolves the references in an attribute's value in place, and makes spaces of tabs and line ends
// (section 3.3.3). Returns the new end; null, with `begin` at the reference, where one means no
// character.
char* DecodeAttribute(char*& begin, const char* end);

}  // namespace postern::formats

#include "formats/xml_characters.h"

#include <algorithm>
#include <utility>

namespace postern::formats {
namespace {

constexpr std::uint32_t kReplacementCharacter = 0xfffd;
constexpr std::uint32_t kNoCharacter = 0x110000;  // the first number above Unicode's

// kNoCharacter where the number is larger.
std::optional<std::uint32_t> ParseCode(std::string_view digits, std::uint32_t base) {
  if (digits.empty()) return std::nullopt;
  std::uint32_t code = 0;
  for (const char c : digits) {
    std::uint32_t digit = 99;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<std::uint32_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') digit = static_cast<std::uint32_t>(c - 'A' + 10);
    if (digit >= base) return std::nullopt;
    code = std::min(code * base + digit, kNoCharacter);
  }
  return code;
}

// At most four bytes, never more than the reference that they replace has.
char* WriteUtf8(std::uint32_t code, char* out) {
  const auto put = [&](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return out;
}

}  // namespace

bool IsXmlCharacter(std::uint32_t code) {
  return code == 0x9 || code == 0xa || code == 0xd || (code >= 0x20 && code <= 0xd7ff) ||
         (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}

std::optional<std::uint32_t> ReferencedCharacter(std::string_view reference) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kNames = {
      {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [name, character] : kNames) {
    if (name == reference) return static_cast<std::uint32_t>(character);
  }
  if (!reference.starts_with('#')) return std::nullopt;
  reference.remove_prefix(1);
  const bool hexadecimal = reference.starts_with('x');
  const auto code = ParseCode(reference.substr(hexadecimal ? 1 : 0), hexadecimal ? 16 : 10);
  if (!code) return std::nullopt;
  return IsXmlCharacter(*code) ? *code : kReplacementCharacter;
}

char* DecodeAttribute(char*& begin, const char* end) {
  char* out = begin;
  for (char* p = begin; p < end; ++p) {
    if (*p == '&') {
      const char* semicolon = std::find(p, const_cast<char*>(end), ';');
      const auto code = semicolon == end ? std::nullopt : ReferencedCharacter({p + 1, semicolon});
      if (!code) {
        begin = p;
        return nullptr;
      }
      out = WriteUtf8(*code, out);
      p += semicolon - p;
    } else if (*p != '\r' || p + 1 == end || p[1] != '\n') {
      *out++ = Is(*p, kSpace) ? ' ' : *p;
    }
  }
  return out;
}

}  // namespace postern::formats

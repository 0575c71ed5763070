#include "exporters/escape.h"

#include <array>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <optional>

namespace postern::exporters {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Character {
  char32_t code = 0;
  std::string_view bytes;
};

// 0 for a byte that starts no character.
std::size_t LengthFromLead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// The character that `text` starts with; none if its first byte belongs to no valid one.
// Precondition: not empty.
std::optional<Character> FirstCharacter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = LengthFromLead(lead);
  if (length == 0 || length > text.size()) return std::nullopt;
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80) return std::nullopt;
    code = (code << 6) | (byte & 0x3FU);
  }
  static constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[length] || code > 0x10FFFF || surrogate) return std::nullopt;
  return Character{code, text.substr(0, length)};
}

// `text` with each character replaced by what `escape` makes of it.
template <typename Escape>
std::string Escaped(std::string_view text, Escape escape) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const auto character = FirstCharacter(text);
    if (character) {
      escaped += escape(*character);
    } else {
      escaped += kReplacement;
    }
    text.remove_prefix(character ? character->bytes.size() : 1);
  }
  return escaped;
}

std::string_view XmlForm(const Character& character) {
  switch (character.code) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\t':
      return "&#9;";
    case '\n':
      return "&#10;";
    case '\r':
      return "&#13;";
    default:
      break;
  }
  const bool forbidden =
      character.code < 0x20 || character.code == 0xFFFE || character.code == 0xFFFF;
  return forbidden ? kReplacement : character.bytes;
}

bool IsHarmfulOnTerminal(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
  const bool line_or_direction =
      (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return control || line_or_direction;
}

std::string TerminalForm(const Character& character) {
  if (!IsHarmfulOnTerminal(character.code)) return std::string(character.bytes);
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "\\u{%x}", static_cast<unsigned>(character.code));
  return text.data();
}

}  // namespace

std::string ValidUtf8(std::string_view text) {
  return Escaped(text, [](const Character& character) { return character.bytes; });
}

std::string EscapeXml(std::string_view text) { return Escaped(text, XmlForm); }

std::string EscapeTerminal(std::string_view text) { return Escaped(text, TerminalForm); }

std::string JsonString(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(ValidUtf8(text)));
}

}  // namespace postern::exporters

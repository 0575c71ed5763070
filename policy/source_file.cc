#include "policy/source_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "core/text_encoding.h"

namespace postern::policy {
namespace {

// An excerpt fits a terminal of 100 columns with its indentation of four. What stands left of the
// caret is cut to kContext where it would take more than kMostLeft.
constexpr int kExcerptColumns = 96;
constexpr int kMostLeft = 72;
constexpr int kContext = 40;

// One character of a text: a well-formed UTF-8 sequence (RFC 3629), or a single byte that is none.
struct Character {
  std::size_t length = 1;
  char32_t code = 0;
  bool valid = false;
};

std::uint8_t ByteAt(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

std::size_t SequenceLength(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

bool IsContinuation(std::uint8_t byte) { return (byte & 0xC0) == 0x80; }

// Precondition: at < text.size().
Character CharacterAt(std::string_view text, std::size_t at) {
  const std::uint8_t lead = ByteAt(text, at);
  const std::size_t length = SequenceLength(lead);
  if (length == 1) return {1, lead, true};
  if (length == 0 || at + length > text.size()) return {1, lead, false};
  char32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint8_t byte = ByteAt(text, at + i);
    if (!IsContinuation(byte)) return {1, lead, false};
    code = (code << 6) | (byte & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {1, lead, false};
  return {length, code, true};
}

// Characters that would move the cursor, colour the terminal or reorder the text around them
// (Unicode's bidirectional controls and line separators).
bool IsUnsafe(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || (code >= 0x200E && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, args...);
  return text.data();
}

std::string Shown(const Character& character, std::string_view bytes) {
  if (!character.valid) return Format("\\x%02x", static_cast<unsigned>(character.code));
  if (!IsUnsafe(character.code)) return std::string(bytes);
  if (character.code == '\t') return "\\t";
  if (character.code == '\n') return "\\n";
  if (character.code < 0x80) return Format("\\x%02x", static_cast<unsigned>(character.code));
  return Format("\\u%04x", static_cast<unsigned>(character.code));
}

// What a character shows as takes one column unless it was escaped.
int Columns(const Character& character, const std::string& shown) {
  const bool escaped = !character.valid || IsUnsafe(character.code);
  return escaped ? static_cast<int>(shown.size()) : 1;
}

// The byte at which character `column` (from 1) of the line begins.
std::size_t OffsetOf(std::string_view line, int column) {
  std::size_t at = 0;
  for (int i = 1; i < column && at < line.size(); ++i) at += CharacterAt(line, at).length;
  return at;
}

// `count` characters before `at`, or fewer where the line begins.
std::size_t StepBack(std::string_view line, std::size_t at, int count) {
  for (; count > 0 && at > 0; --count) {
    --at;
    for (int i = 0; i < 3 && at > 0 && IsContinuation(ByteAt(line, at)); ++i) --at;
  }
  return at;
}

}  // namespace

SourceFile::SourceFile(SourceText source)
    : name_(std::move(source.name)), text_(std::move(source.text)), line_starts_{0} {
  text_.erase(0, text_.size() - WithoutByteOrderMark(text_).size());
  for (auto at = text_.find('\n'); at != std::string::npos; at = text_.find('\n', at + 1)) {
    line_starts_.push_back(at + 1);
  }
}

std::string_view SourceFile::Line(int number) const {
  if (number < 1 || static_cast<std::size_t>(number) > line_starts_.size()) return {};
  const auto index = static_cast<std::size_t>(number) - 1;
  const auto begin = line_starts_[index];
  const auto end = index + 1 < line_starts_.size() ? line_starts_[index + 1] - 1 : text_.size();
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

SourceLocation SourceFile::LocationOf(std::size_t offset) const {
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto start = *(after - 1);
  int column = 1;
  for (auto at = start; at < offset; at += CharacterAt(text_, at).length) ++column;
  return {name_, static_cast<int>(after - line_starts_.begin()), column};
}

std::optional<BadByte> FindBadByte(std::string_view text) {
  if (auto problem = Utf16Problem(text)) return BadByte{0, *std::move(problem)};
  for (std::size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    if (!character.valid) {
      return BadByte{at, "invalid UTF-8; save the file as UTF-8"};
    }
    const char32_t code = character.code;
    const bool line_end = code == '\n' || (code == '\r' && text.substr(at + 1).starts_with('\n'));
    if (code == 0) return BadByte{at, "a NUL byte; the file is not a text file, or is damaged"};
    if ((code < 0x20 && code != '\t' && !line_end) || (code >= 0x7F && code <= 0x9F)) {
      return BadByte{at,
                     Format("control character U+%04X; remove it", static_cast<unsigned>(code))};
    }
    at += character.length;
  }
  return std::nullopt;
}

Excerpt ExcerptAround(std::string_view line, int column) {
  const std::size_t target = OffsetOf(line, column);
  std::size_t begin = std::min(line.find_first_not_of(' '), target);
  Excerpt excerpt;
  int columns = 0;
  if (StepBack(line, target, kMostLeft) > begin) {
    begin = StepBack(line, target, kContext);
    excerpt.text = "...";
    columns = 3;
  }
  for (std::size_t at = begin; at < line.size();) {
    if (at == target) excerpt.caret = columns + 1;
    const Character character = CharacterAt(line, at);
    const std::string shown = Shown(character, line.substr(at, character.length));
    if (columns + Columns(character, shown) > kExcerptColumns && at > target) {
      excerpt.text += "...";
      break;
    }
    excerpt.text += shown;
    columns += Columns(character, shown);
    at += character.length;
  }
  if (target >= line.size()) excerpt.caret = columns + 1;
  while (excerpt.text.ends_with(' ')) excerpt.text.pop_back();
  return excerpt;
}

std::string Escaped(std::string_view text, int most) {
  std::string escaped;
  int count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    if (count == most) return escaped + "...";
    const Character character = CharacterAt(text, at);
    escaped += Shown(character, text.substr(at, character.length));
    at += character.length;
  }
  return escaped;
}

}  // namespace postern::policy

// One file's text, cut into lines so that messages can show them. Immutable; not copied around.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/load_policy.h"
#include "policy/policy.h"

namespace postern::policy {

class SourceFile {
 public:
  // A UTF-8 byte order mark is dropped.
  explicit SourceFile(SourceText source);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  // Line `number`, counted from 1, without its end; empty where there is none.
  std::string_view Line(int number) const;
  // The line and the column, in characters, of byte `offset`.
  SourceLocation LocationOf(std::size_t offset) const;

 private:
  std::string name_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
};

// What makes a text unfit for the YAML parser, and at which byte.
struct BadByte {
  std::size_t offset = 0;
  std::string message;
};

// The first NUL or other control character (YAML 1.2 section 5.1 allows tab and line ends), lone
// carriage return or invalid UTF-8 sequence. The parser would cut the text at some of them and pass
// others on.
std::optional<BadByte> FindBadByte(std::string_view text);

// A line as a terminal may show it: control characters, direction overrides and invalid UTF-8
// escaped, leading spaces dropped, cut around `column` where it is long.
struct Excerpt {
  std::string text;
  int caret = 1;  // column in `text` of what stands at `column` of the line, from 1
};

Excerpt ExcerptAround(std::string_view line, int column);

// `text` with everything escaped that ExcerptAround() escapes, cut after `most` characters.
std::string Escaped(std::string_view text, int most = 100);

}  // namespace postern::policy

#include <gtest/gtest.h>

#include "exporters/escape.h"

using namespace std::string_view_literals;

namespace postern::exporters {
namespace {

constexpr std::string_view kBad = "\xEF\xBF\xBD";

TEST(Escape, ReplacesEachByteThatIsNotUtf8) {
  EXPECT_EQ(ValidUtf8("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x8C\x90"),
            "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x8C\x90");
  const std::string_view invalid[] = {"\x80", "\xC0\x80",         "\xC3",
                                      "\xFF", "\xE0\x80\x80",     "\xED\xA0\x80",  // a surrogate
                                      "\xFE", "\xF4\x90\x80\x80", "\xE2\x82"};
  for (const auto bytes : invalid) {
    std::string expected;
    for (std::size_t i = 0; i < bytes.size(); ++i) expected += kBad;
    EXPECT_EQ(ValidUtf8(bytes), expected);
  }
  EXPECT_EQ(ValidUtf8("\xC3<"), std::string(kBad) + "<");
}

TEST(Escape, XmlKeepsMarkupAndForbiddenCharactersOut) {
  EXPECT_EQ(EscapeXml("<a b=\"c\">&\t\r\n"), "&lt;a b=&quot;c&quot;&gt;&amp;&#9;&#13;&#10;");
  for (const auto forbidden : {"\0"sv, "\x1b"sv, "\x1f"sv, "\xEF\xBF\xBE"sv, "\xFF"sv}) {
    EXPECT_EQ(EscapeXml(forbidden), kBad);
  }
}

TEST(Escape, TerminalTextCannotMoveTheCursorOrReorderALine) {
  EXPECT_EQ(EscapeTerminal("a\x1b[2J\r\n\0\x7f"sv), "a\\u{1b}[2J\\u{d}\\u{a}\\u{0}\\u{7f}");
  EXPECT_EQ(EscapeTerminal("\xC2\x9B\xE2\x80\xAE\xE2\x81\xA6"), "\\u{9b}\\u{202e}\\u{2066}");
  EXPECT_EQ(EscapeTerminal("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
}

TEST(Escape, JsonStrings) {
  EXPECT_EQ(JsonString("a\"\\\n\x01\xff"), "\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace postern::exporters

#include "formats/xml_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace postern::formats {
namespace {

// The document's events as text: "(name key=value ...", ")name", then "." or the error.
std::string Events(ByteSource source) {
  XmlTokens xml(std::move(source));
  std::string events;
  for (;;) {
    switch (xml.Next()) {
      case XmlTokens::Event::kStart:
        events += "(" + std::string(xml.name());
        for (const auto& [name, value] : xml.attributes()) {
          events += " " + std::string(name) + "=" + std::string(value);
        }
        events += "\n";
        break;
      case XmlTokens::Event::kEnd:
        events += ")" + std::string(xml.name()) + "\n";
        break;
      case XmlTokens::Event::kEndOfDocument:
        return events + ".";
      case XmlTokens::Event::kError:
        return events + xml.error().message;
    }
  }
}

std::string Events(std::string_view text) { return Events(BytesOf(text)); }

// Gives a byte at a time, so that every token is cut at every place.
std::string EventsByteByByte(std::string_view text) {
  return Events([rest = BytesOf(text)](std::span<char> out) { return rest(out.first(1)); });
}

constexpr const char* kDocument =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!DOCTYPE nmaprun>\n"
    "<?xml-stylesheet href=\"file:///nmap.xsl\" type=\"text/xsl\"?>\n"
    "<!-- a comment with <tags> & - dashes -->\n"
    "<a one='1' two = \"it's &lt;2&gt; &#x263A;&#65;\"\tthree=\"x\ny\">\n"
    "text &amp; ]] > more<b/><![CDATA[<not a='tag'>]]><b  ></b >\n"
    "</a>\n";

TEST(XmlTokens, GivesEveryTagWithItsAttributes) {
  const std::string expected =
      "(a one=1 two=it's <2> \xe2\x98\xba"
      "A three=x y\n"
      "(b\n)b\n(b\n)b\n)a\n.";
  EXPECT_EQ(Events(kDocument), expected);
  EXPECT_EQ(EventsByteByByte(kDocument), expected);
}

TEST(XmlTokens, TellsWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1, column 1: no XML document is here: no element was found"},
      {"  \n", "line 2, column 1: no XML document is here: no element was found"},
      {"<a>\n <b>",
       "(a\n(b\nline 2, column 5: the file ends inside <b>: it was cut off, or its "
       "writer has not finished"},
      {"<a b=\"1",
       "line 1, column 8: the file ends inside a tag: it was cut off, or its writer has not "
       "finished"},
      {"<a></b>", "(a\nline 1, column 4: </b> where </a> must stand"},
      {"<a/></a>", "(a\n)a\nline 1, column 5: </a> closes nothing"},
      {"<a/><b/>", "(a\n)a\nline 1, column 6: a second document after the end of the first"},
      {"<a b=1/>", "line 1, column 6: '1' where a quoted value must stand"},
      {"<a b='1'c='2'/>", "line 1, column 9: 'c' where a space before an attribute must stand"},
      {"<a b='1' b='2'/>", "line 1, column 10: a second attribute 'b'"},
      {"<a b='<'/>", "line 1, column 7: '<' where the end of a quoted value must stand"},
      {"<a b='&x;'/>", "line 1, column 7: '&x;' stands for no character"},
      {"<a b='&#;'/>", "line 1, column 7: '&#;' stands for no character"},
      {"<a b='& '/>", "line 1, column 7: '& ' stands for no character"},
      {"<a>&x;</a>", "(a\nline 1, column 4: '&x;' stands for no character"},
      {"<a>]]></a>", "(a\nline 1, column 4: ']]>' outside of a CDATA section"},
      {"<a><!-- -- --></a>", "(a\nline 1, column 9: '--' inside a comment"},
      {"<a>\x01</a>", "(a\nline 1, column 4: byte 1 where text must stand"},
      {"a", "line 1, column 1: 'a' where '<' must stand"},
      {"<a/>a", "(a\n)a\nline 1, column 5: 'a' where '<' must stand"},
      {"<1/>", "line 1, column 2: '1' where the name of an element must stand"},
      {"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
       "line 1, column 3: the encoding 'ISO-8859-1' is not read here; convert the file to UTF-8"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(Events(text), expected) << text;
    EXPECT_EQ(EventsByteByByte(text), expected) << text;
  }
}

TEST(XmlTokens, RefusesADocumentThatDeclaresEntities) {
  EXPECT_EQ(Events("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"),
            "line 1, column 13: the document declares entities or the like, which nmap never does; "
            "refused");
}

TEST(XmlTokens, RefusesNulInsideTheFile) {
  EXPECT_EQ(Events(std::string_view("<a>\0</a>", 8)),
            "(a\nline 1, column 4: byte 0 where text must stand");
}

TEST(XmlTokens, BoundsDepthAndTheLengthOfATag) {
  std::string deep;
  for (std::size_t i = 0; i <= XmlTokens::kDeepest; ++i) deep += "<a>";
  EXPECT_TRUE(Events(deep).ends_with("line 1, column 193: elements nested more than 64 deep"));

  const std::string fits = "<a b='" + std::string(XmlTokens::kLongestToken / 2, 'x') + "'/>";
  EXPECT_TRUE(Events(fits).ends_with("\n)a\n."));
  const std::string large = "<a b='" + std::string(2 * XmlTokens::kLongestToken, 'x') + "'/>";
  EXPECT_EQ(Events(large), "line 1, column 1: a tag of more than 4 MiB");
}

TEST(XmlTokens, PassesAnErrorOfTheSourceOn) {
  EXPECT_EQ(Events([](std::span<char>) -> Result<std::size_t> { return Error{"broken disk"}; }),
            "broken disk");
}

}  // namespace
}  // namespace postern::formats

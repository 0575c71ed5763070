// XmlTokens against expat: the same events for every document that both accept, and no document
// accepted that expat refuses, but for references to characters that XML forbids.
#include <expat.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "formats/xml_characters.h"
#include "formats/xml_tokens.h"

namespace postern::formats {
namespace {

constexpr const char* kRefused = "refused";

std::string OurEvents(std::string_view text) {
  XmlTokens xml(BytesOf(text));
  std::string events;
  for (;;) {
    switch (xml.Next()) {
      case XmlTokens::Event::kStart:
        events += "(" + std::string(xml.name());
        for (const auto& [name, value] : xml.attributes()) {
          events.append(" ").append(name).append("=").append(value);
        }
        events += "\n";
        break;
      case XmlTokens::Event::kEnd:
        events += ")" + std::string(xml.name()) + "\n";
        break;
      case XmlTokens::Event::kEndOfDocument:
        return events;
      case XmlTokens::Event::kError:
        return kRefused;
    }
  }
}

void OnStart(void* events, const char* name, const char** attributes) {
  auto& text = *static_cast<std::string*>(events);
  text += "(" + std::string(name);
  for (; *attributes != nullptr; attributes += 2) {
    text.append(" ").append(attributes[0]).append("=").append(attributes[1]);
  }
  text += "\n";
}

void OnEnd(void* events, const char* name) {
  *static_cast<std::string*>(events) += ")" + std::string(name) + "\n";
}

// The text with a reference to U+FFFD in place of each to a character that XML forbids: XmlTokens
// reads both alike, and expat refuses the latter.
std::string WithAllowedReferences(std::string text) {
  for (auto at = text.find("&#"); at != std::string::npos; at = text.find("&#", at + 1)) {
    const auto end = text.find(';', at);
    if (end == std::string::npos) break;
    const auto reference = std::string_view(text).substr(at + 1, end - at - 1);
    if (ReferencedCharacter(reference) == 0xfffdU) text.replace(at, end + 1 - at, "&#xfffd;");
  }
  return text;
}

std::string ExpatEvents(std::string_view text) {
  const XML_Parser parser = XML_ParserCreate(nullptr);
  std::string events;
  XML_SetUserData(parser, &events);
  XML_SetElementHandler(parser, OnStart, OnEnd);
  const auto status = XML_Parse(parser, text.data(), static_cast<int>(text.size()), 1);
  XML_ParserFree(parser);
  return status == XML_STATUS_OK ? events : kRefused;
}

// Documents near the border of what is well-formed: pieces of XML in random order, then a few
// characters changed.
TEST(XmlTokensAgainstExpat, GivesTheSameEventsForAnyAsciiDocument) {
  const char* const pieces[] = {
      "<a>",
      "</a>",
      "<a/>",
      "<b c='1'>",
      "</b>",
      "<b c=\"&lt;'\" d='&#65;'/>",
      "text",
      "&amp;",
      "&#x41;",
      "]]",
      "]]>",
      "<!-- c -->",
      "<![CDATA[ <x> ]]>",
      "<?pi data?>",
      "\n",
      " ",
      "<b c = '\t1\r\n2'></b>",
      "&",
      "<",
      ">",
      "'",
      "\"",
      "--",
      "<!---->",
      "<a b='1' b='2'/>",
      "<?xml?>",
      "</a >",
      "&quot;&apos;&gt;",
      "<b d='&#1;&#x1b;'/>",
      "&#x0;",
  };
  const std::string alphabet = "<>/='\"&;#x!-[]? aA1\n";
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = below(4) == 0 ? "<?xml version=\"1.0\"?>" : "";
    text += "<r>";
    for (std::size_t i = below(6); i > 0; --i) text += pieces[below(std::size(pieces))];
    text += "</r>";
    for (std::size_t i = below(3); i > 0; --i)
      text[below(text.size())] = alphabet[below(alphabet.size())];
    const auto ours = OurEvents(text);
    ASSERT_EQ(ours, ExpatEvents(WithAllowedReferences(text))) << text;
    accepted += ours != kRefused;
  }
  EXPECT_GT(accepted, 20'000);
}

}  // namespace
}  // namespace postern::formats

#include "core/ticket_template.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

std::string Filled(std::string_view text) {
  const auto parsed = TicketTemplate::Parse(text, kFindingFacts);
  if (!parsed) return parsed.error().message;
  return parsed->Fill([](std::string_view name) { return "<" + std::string(name) + ">"; });
}

TEST(TicketTemplate, FillsInWhatItNames) {
  EXPECT_EQ(Filled("${severity}: ${summary}"), "<severity>: <summary>");
  EXPECT_EQ(Filled("plain } { text"), "plain } { text");
  EXPECT_EQ(Filled("$$5 for $${host} = ${host}"), "$5 for ${host} = <host>");
  EXPECT_EQ(Filled(""), "");
}

TEST(TicketTemplate, RefusesWhatItCannotFillIn) {
  EXPECT_EQ(Filled("${hots}"), "nothing is called 'hots' here; did you mean 'host'?");
  const auto parsed = TicketTemplate::Parse("${summary}", kHostFacts);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(
      parsed.error().message,
      "nothing is called 'summary' here; write one of findings, host, owner, viewpoint, link");
  for (const auto* text : {"${host", "$host", "$", "x$ {host}"}) {
    EXPECT_EQ(Filled(text),
              "a dollar sign that begins no ${NAME}; write $$ for one that stands for itself");
  }
}

TEST(TicketTemplate, WhatIsFilledInIsNoTemplate) {
  const auto parsed = TicketTemplate::Parse("${host}", kHostFacts);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->Fill([](std::string_view) { return "${owner} $$"; }), "${owner} $$");
  EXPECT_TRUE(parsed->Has("host"));
  EXPECT_FALSE(parsed->Has("owner"));
}

}  // namespace
}  // namespace postern

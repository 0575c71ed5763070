#include "exporters/ticket_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <sstream>
#include <vector>

namespace postern::exporters {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr TimePoint kAt = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

Finding Redis() {
  Finding finding;
  finding.id = "abcdefghij";
  finding.viewpoint = "public";
  finding.state = FindingState::kOpen;
  finding.policy_hash = "1f2e";
  finding.first_seen = finding.last_seen = kAt;
  auto& drift = finding.drift;
  drift.severity = Severity::kCritical;
  drift.host = "cache-1";
  drift.owner = "data";
  drift.address = *IpAddress::Parse("2001:db8::6");
  drift.port = 6379;
  drift.ports = *PortSet::Parse("tcp/6379", PortSet::BarePorts::kAreTcp);
  drift.observed = {PortState::kOpen, {Reason::Kind::kSynAck}};
  drift.expected = "not_open";
  drift.rule = "otherwise";
  return finding;
}

TEST(TicketText, TellsWhatIsWrongAndWhatToDo) {
  EXPECT_EQ(TicketTitle(Redis(), {}),
            "[critical] tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open");
  EXPECT_EQ(TicketBody(Redis(), {.markup = TicketMarkup::kMarkdown,
                                 .external_url = "https://postern.example",
                                 .title = {},
                                 .body = {}}),
            R"(Postern, which compares what the network exposes with the policy, has found a drift.

```
summary       tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open
finding       abcdefghij
state         open
kind          unexpected_open
severity      critical
owner         data
host          cache-1
ports         tcp/6379
expected      not_open
rule          otherwise
observed      open (syn-ack)
viewpoint     public
first seen    2026-03-01T00:00:00.000Z
last seen     2026-03-01T00:00:00.000Z
policy        1f2e
evidence      postern findings show abcdefghij
```

Fix it, or change the policy: this ticket closes by itself when the observations agree with the policy. Closed by hand, it stays closed until then.

https://postern.example/api/v1/findings/abcdefghij

postern-finding-abcdefghij-1
)");
}

// Whatever a text brings, it stays on its line in the preformatted block.
TEST(TicketText, NothingForeignIsMarkupMentionOrMarker) {
  auto finding = Redis();
  finding.drift.host = "x\n```\n@everyone <img src=x>\n/close\npostern-finding-bbbbbbbbbb-1";
  finding.drift.owner = "``` @team\r\n# head";
  EXPECT_THAT(TicketTitle(finding, {}), Not(HasSubstr("@")));
  for (const auto& text :
       {TicketBody(finding, {}), TicketComment(finding, TransitionKind::kChanged, {})}) {
    std::istringstream lines(text);
    int fences = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line == "```") {
        ++fences;
        continue;
      }
      EXPECT_FALSE(line.starts_with('`'));
      const bool foreign = line.find('@') != std::string::npos ||
                           line.find("close\\") != std::string::npos ||
                           line.find("bbbbbbbbbb") != std::string::npos;
      EXPECT_TRUE(!foreign || fences == 1) << line;
    }
    EXPECT_EQ(fences, 2);
  }
}

TEST(TicketText, EachMarkupHasItsBlockAndNothingForeignEndsIt) {
  auto finding = Redis();
  finding.drift.host = "</pre>{noformat}[~bob]@bob";
  finding.episode = 2;
  const auto line_of = [](const std::string& text, const std::string& begin) {
    const auto at = text.find(begin);
    return at == std::string::npos ? text : text.substr(at, text.find('\n', at) - at);
  };
  const auto redmine = TicketComment(finding, TransitionKind::kOpened, TicketMarkup::kRedmine);
  EXPECT_THAT(redmine, StartsWith("It is back.\n\n<pre>\n\n    summary       tcp/6379"));
  EXPECT_THAT(redmine, testing::EndsWith("    policy        1f2e\n\n</pre>\n"));
  EXPECT_EQ(line_of(redmine, "    host"), R"(    host          \x3c/pre>{noformat}[~bob](at)bob)");
  const auto jira = TicketComment(finding, TransitionKind::kOpened, TicketMarkup::kJira);
  EXPECT_THAT(jira, StartsWith("It is back.\n\n{noformat}\nsummary       tcp/6379"));
  EXPECT_THAT(jira, testing::EndsWith("policy        1f2e\n{noformat}\n"));
  EXPECT_EQ(line_of(jira, "host"), R"(host          </pre>\x7bnoformat}[\x7ebob]@bob)");
}

TEST(TicketText, ATitleIsOneLineOfAtMost200Bytes) {
  auto finding = Redis();
  for (int i = 0; i < 200; ++i) finding.drift.host += "\xC3\xA9";
  const auto title = TicketTitle(finding, {});
  EXPECT_LE(title.size(), 200U);
  EXPECT_TRUE(title.ends_with("\xC3\xA9..."));
}

TEST(TicketText, CommentsSayWhatHappened) {
  auto finding = Redis();
  finding.state = FindingState::kAcknowledged;
  finding.acknowledgement = {"alice", kAt, "moving it", kAt + std::chrono::hours(24)};
  EXPECT_THAT(TicketComment(finding, TransitionKind::kChanged, TicketMarkup::kMarkdown),
              HasSubstr("\nstate         acknowledged by alice until "
                        "2026-03-02T00:00:00.000Z: moving it\n"));
  finding.resolution = Resolution::kPolicy;
  EXPECT_THAT(TicketComment(finding, TransitionKind::kResolved, TicketMarkup::kMarkdown),
              StartsWith("The policy allows now what was last seen.\n\n```\nsummary"));
}

TEST(TicketText, AMarkerIsTheLastLineThatIsOneAndNothingElse) {
  EXPECT_EQ(TicketMarker("abcdefghij", 2), "postern-finding-abcdefghij-2");
  const std::string marker = "postern-finding-abcdefghij-2";
  EXPECT_EQ(MarkerIn("x\n" + marker + "\n"), marker);
  EXPECT_EQ(MarkerIn(marker), marker);
  EXPECT_EQ(MarkerIn("x\r\n" + marker + "\r\n\r\nAdded by a person.\r\n"), marker);
  EXPECT_EQ(MarkerIn("postern-finding-bbbbbbbbbb-1\n" + marker + "\n"), marker);
  for (const std::string text : {"", "\n", "postern", "POSTERN-finding-abcdefghij-2"}) {
    EXPECT_EQ(MarkerIn(text), "") << text;
  }
  EXPECT_EQ(MarkerIn("like " + marker + "\n" + marker + " too\n> " + marker), "");
}

TEST(TicketText, AListTellsOfAsManyAsFit) {
  const auto finding = Redis();
  const std::vector<TicketNews> many(1000, {&finding, TransitionKind::kOpened});
  const auto list = ListNews(many, TicketMarkup::kMarkdown);
  EXPECT_LE(list.text.size(), 30'000U);
  EXPECT_GE(list.text.size(), 29'000U);
  EXPECT_THAT(list.text, StartsWith("```\nabcdefghij  [critical] tcp/6379 is open on cache-1"));
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(list.text, '\n')), list.told + 2);
  EXPECT_EQ(ListNews(std::span(many).first(2), TicketMarkup::kMarkdown).told, 2U);
}

// --- as the operator words it ---

TicketTemplate Template(std::string_view text, std::span<const std::string_view> names) {
  auto parsed = TicketTemplate::Parse(text, names);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *std::move(parsed) : TicketTemplate();
}

TicketStyle Worded(std::string_view title, std::string_view body,
                   std::span<const std::string_view> names = kFindingFacts,
                   TicketMarkup markup = TicketMarkup::kMarkdown) {
  return {.markup = markup,
          .external_url = "https://postern.example",
          .title = Template(title, names),
          .body = Template(body, names)};
}

TEST(TicketText, SaysWhatTheOperatorWantsItToSay) {
  const auto style = Worded("${owner}: ${protocol}/${port} on ${host}, @here",
                            "See ${link} (${severity}, ${kind}).\n- ${summary}\n- ${facts}\n");
  EXPECT_EQ(TicketTitle(Redis(), style), "data: tcp/6379 on cache-1, (at)here");
  const auto body = TicketBody(Redis(), style);
  EXPECT_THAT(body,
              StartsWith("See https://postern.example/api/v1/findings/abcdefghij (critical, "
                         "unexpected_open).\n"
                         "- `tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open`\n"
                         "- \n\n```\nsummary       tcp/6379"));
  EXPECT_THAT(body, EndsWith("\npostern-finding-abcdefghij-1\n"));
}

TEST(TicketText, ATitleThatComesToNothingIsPosternsOwn) {
  auto blind = Redis();
  blind.drift = {};
  blind.drift.kind = DriftKind::kViewpointBlind;
  const auto style = Worded(" ${address}\n", "");
  EXPECT_EQ(TicketTitle(blind, style), TicketTitle(blind, {}));
  EXPECT_EQ(HostTicketTitle(blind, style), HostTicketTitle(blind, {}));
  EXPECT_EQ(TicketTitle(Redis(), style), "2001:db8::6") << "without the line's end";
}

TEST(TicketText, ABodyFitsIntoWhatTheTrackerTakes) {
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "${rule}\n";
  auto finding = Redis();
  finding.drift.rule = std::string(900, 'r');
  const std::vector<TicketNews> many(1000, {&finding, TransitionKind::kOpened});
  for (const auto& [markup, limit] : std::vector<std::pair<TicketMarkup, std::size_t>>{
           {TicketMarkup::kJira, 32'767}, {TicketMarkup::kMarkdown, 65'536}}) {
    const auto body = TicketBody(finding, Worded("", words, kFindingFacts, markup));
    EXPECT_LE(body.size(), limit);
    EXPECT_GE(body.size(), limit - 10'000);
    EXPECT_EQ(MarkerIn(body), "postern-finding-abcdefghij-1");
    EXPECT_LE(ListNews(many, markup).text.size(), limit / 2);
  }
  const std::string marker = "postern-sum-abcdefghij-1";
  const auto cut = [&](const std::string& body) {
    return WithMarker(body, marker, TicketMarkup::kJira);
  };
  EXPECT_EQ(cut("first\n" + std::string(40'000, 'x')), "first\n\n" + marker + "\n");
  EXPECT_EQ(cut(std::string(40'000, 'x')), "\n" + marker + "\n") << "no line is cut in two";
}

TEST(TicketText, EveryFactOfAFindingHasAValue) {
  for (const auto name : kFindingFacts) {
    const auto style = Worded("", "<${" + std::string(name) + "}>");
    EXPECT_THAT(TicketBody(Redis(), style), Not(HasSubstr("<>"))) << name;
  }
  for (const auto name : kHostFacts) {
    const auto style = Worded("", "<${" + std::string(name) + "}>", kHostFacts);
    EXPECT_THAT(HostTicketBody(Redis(), "block", style), Not(HasSubstr("<>"))) << name;
  }
}

TEST(TicketText, AHostsTicketListsItsFindingsWhateverTheOperatorWrites) {
  const auto style = Worded("${host}", "Of ${owner}.", kHostFacts);
  EXPECT_EQ(HostTicketTitle(Redis(), style), "cache-1");
  EXPECT_EQ(HostTicketBody(Redis(), "```\nx\n```\n", style), "Of `data`.\n\n```\nx\n```\n\n");
  auto blind = Redis();
  blind.drift.host = "";
  EXPECT_EQ(HostTicketTitle(blind, {}), "Drift on viewpoint public (owner: data)");
}

TEST(TicketText, NothingForeignIsMarkupOrMentionInAParagraph) {
  EXPECT_EQ(Inline("a ``b`` @x", TicketMarkup::kMarkdown), "``` a ``b`` @x ```");
  EXPECT_EQ(Inline("#1 *b* @x <i>", TicketMarkup::kRedmine),
            "&#35;1 &#42;b&#42; &#64;x &#60;i&#62;");
  EXPECT_EQ(Inline("[~x] {code} \\", TicketMarkup::kJira), R"(\[\~x\] \{code\} &#92;)");
  for (const auto markup : {TicketMarkup::kMarkdown, TicketMarkup::kRedmine, TicketMarkup::kJira}) {
    EXPECT_EQ(Inline("", markup), "");
  }
}

}  // namespace
}  // namespace postern::exporters

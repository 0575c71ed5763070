#include "exporters/ticket_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace postern::exporters {
namespace {

using testing::HasSubstr;
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
  EXPECT_EQ(TicketTitle(Redis()),
            "[critical] tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open");
  EXPECT_EQ(
      TicketBody(Redis(), "https://postern.example/findings/abcdefghij", TicketMarkup::kMarkdown),
      R"(Postern, which compares what the network exposes with the policy, has found a drift.

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

Fix it, or change the policy: this ticket closes by itself when the observations agree with the policy. Closed by hand, it stays closed until then.

https://postern.example/findings/abcdefghij

postern-finding-abcdefghij-1
)");
}

// Whatever a text brings, it stays on its line in the preformatted block.
TEST(TicketText, NothingForeignIsMarkupMentionOrMarker) {
  auto finding = Redis();
  finding.drift.host = "x\n\n@everyone <img src=x>\n/close\npostern-finding-bbbbbbbbbb-1";
  finding.drift.owner = "``` @team\r\n# head";
  EXPECT_THAT(TicketTitle(finding), testing::Not(HasSubstr("@")));
  for (const auto& text :
       {TicketBody(finding, "", TicketMarkup::kMarkdown),
        TicketComment(finding, TransitionKind::kChanged, TicketMarkup::kMarkdown)}) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const bool foreign = line.find('@') != std::string::npos ||
                           line.find("close\\") != std::string::npos ||
                           line.find("bbbbbbbbbb") != std::string::npos;
      if (foreign) {
        EXPECT_THAT(line, StartsWith("    "));
      }
    }
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
  const auto title = TicketTitle(finding);
  EXPECT_LE(title.size(), 200U);
  EXPECT_TRUE(title.ends_with("\xC3\xA9..."));
}

TEST(TicketText, CommentsSayWhatHappened) {
  auto finding = Redis();
  finding.state = FindingState::kAcknowledged;
  finding.acknowledgement = {"alice", kAt, "moving it", kAt + std::chrono::hours(24)};
  EXPECT_THAT(TicketComment(finding, TransitionKind::kChanged, TicketMarkup::kMarkdown),
              HasSubstr("    state         acknowledged by alice until "
                        "2026-03-02T00:00:00.000Z: moving it\n"));
  finding.resolution = Resolution::kPolicy;
  EXPECT_THAT(TicketComment(finding, TransitionKind::kResolved, TicketMarkup::kMarkdown),
              StartsWith("The policy allows now what was last seen.\n\n    summary"));
}

TEST(TicketText, AMarkerIsNoOtherMarkersBeginning) {
  EXPECT_EQ(TicketMarker("abcdefghij", 2), "postern-finding-abcdefghij-2");
  EXPECT_TRUE(HasMarker("x\npostern-finding-abcdefghij-2\n", "postern-finding-abcdefghij-2"));
  EXPECT_TRUE(HasMarker("postern-finding-abcdefghij-2", "postern-finding-abcdefghij-2"));
  EXPECT_FALSE(HasMarker("postern-finding-abcdefghij-21", "postern-finding-abcdefghij-2"));
  EXPECT_TRUE(HasMarkerOf("postern-finding-abcdefghij-21", "abcdefghij"));
}

TEST(TicketText, ASumTellsOfAsManyAsFit) {
  const auto finding = Redis();
  const std::vector<const Finding*> many(1000, &finding);
  const auto sum = SumUp(many, TicketMarkup::kMarkdown);
  EXPECT_LE(sum.text.size(), 30'000U);
  EXPECT_EQ(sum.told,
            30'000 / SumUp(std::span(many).first(1), TicketMarkup::kMarkdown).text.size());
  EXPECT_THAT(sum.text, StartsWith("    abcdefghij  [critical] tcp/6379 is open on cache-1"));
  EXPECT_EQ(SumUp(std::span(many).first(2), TicketMarkup::kMarkdown).told, 2U);
}

}  // namespace
}  // namespace postern::exporters

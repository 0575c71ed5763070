// Tickets that tell of several findings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporters/ticket_receiver_fixture.h"

namespace postern::exporters {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Status = DeliveryOutcome::Status;

class TicketGroupTest : public TicketReceiverTest {
 protected:
  void TellByHost() {
    settings_.per = TicketPer::kHost;
    Restart();
  }
  std::int64_t OpenOn(const std::string& host, const std::string& id) {
    FindingOf(id).drift.host = host;
    return Open(id);
  }
  Tracker::Issue& IssueOf(const std::string& title) {
    for (auto& [key, issue] : tracker_.issues) {
      if (issue.made.title == title) return issue;
    }
    ADD_FAILURE() << "no ticket is called " << title;
    return tracker_.issues.begin()->second;
  }
};

std::string Id(int number) {
  std::string id = std::to_string(number);
  return std::string(10 - id.size(), 'a') + id;
}

TEST_F(TicketGroupTest, OneTicketSumsUpWhatIsTooMuchForAnHour) {
  for (int i = 0; i < 50; ++i) Open(Id(i));
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  ASSERT_EQ(tracker_.issues.size(), 21U);
  Open(Id(50));
  Deliver();
  const auto& sum = IssueOf("Postern: more than 20 tickets within an hour, seen from public");
  EXPECT_THAT(sum.made.body, HasSubstr("\n" + Id(49) + "  [warning] tcp/6379 is open"));
  EXPECT_THAT(sum.comments, ElementsAre("More opened:"));

  for (int i = 0; i < 50; ++i) Resolve(Id(i));
  Deliver();
  EXPECT_TRUE(sum.open);
  Resolve(Id(50));
  Deliver();
  EXPECT_EQ(tracker_.OpenCount(), 0U);
  EXPECT_THAT(sum.last_comment, EndsWith("\nNone of its findings is open any more.\n"));

  batch_.now += 61min;
  Open("bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 22U) << "the hour is over";
}

TEST_F(TicketGroupTest, TheLimitSurvivesAClockThatIsSetBack) {
  for (int i = 0; i < 20; ++i) Open(Id(i));
  Deliver();
  batch_.now -= 48h;
  Open(Id(20));
  Deliver();
  IssueOf("Postern: more than 20 tickets within an hour, seen from public");
  batch_.now += 61min;
  Open(Id(21));
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 22U) << "the hour is over by the new clock";
}

TEST_F(TicketGroupTest, AnotherTicketThatSumsUpWaitsForAnHour) {
  for (int i = 0; i < 21; ++i) Open(Id(i));
  Deliver();
  IssueOf("Postern: more than 20 tickets within an hour, seen from public").open = false;
  Open(Id(21));
  Keep(Once());
  const auto outcome = Once();
  EXPECT_EQ(outcome.status, Status::kDelivered);
  EXPECT_GT(outcome.rest, 50min);
  EXPECT_LE(outcome.rest, 1h);
  EXPECT_EQ(tracker_.issues.size(), 21U);
  batch_.now += 59min;
  batch_.now += 2min;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 22U) << "one of its own, by now";
}

// What reading the lists takes leaves no time for the rest, but what is there to be told is told.
TEST_F(TicketGroupTest, AMassOfFindingsMakesProgressEachTime) {
  for (int i = 0; i < 1000; ++i) {
    tracker_.issues.emplace(
        "sec/exposure#" + std::to_string(i),
        Tracker::Issue{.made = {.repository = "sec/exposure",
                                .title = "",
                                .body = std::string(10'000, 'x') + "\npostern-finding-bbbbbb" +
                                        std::to_string(1000 + i) + "-1\n",
                                .assignee = "",
                                .component = ""},
                       .open = false});
  }
  for (int i = 0; i < 10'000; ++i) {
    FindingOf(Id(i)).drift.owner = i % 2 == 0 ? "data" : "";
    Open(Id(i));
  }
  tracker_.list_takes = 6s;
  int without = 0;
  for (int round = 0; round < 100 && !batch_.queue.empty(); ++round) {
    const auto waiting = batch_.queue.size();
    Keep(Once());
    without = batch_.queue.size() < waiting ? 0 : without + 1;
    ASSERT_LE(without, 2) << "an intent comes first";
  }
  EXPECT_TRUE(batch_.queue.empty());
  EXPECT_EQ(tracker_.issues.size(), 1021U);
}

TEST_F(TicketGroupTest, ALostAnswerMakesNoSecondSum) {
  for (int i = 0; i < 20; ++i) Open(Id(i));
  Deliver();
  Open(Id(20));
  Keep(Once());
  tracker_.next_create = Tracker::Fault::kLost;
  EXPECT_EQ(Deliver().status, Status::kRetry);
  batch_.now += 91s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 21U);
}

TEST_F(TicketGroupTest, ACrashMakesNoSecondSum) {
  for (int i = 0; i < 20; ++i) Open(Id(i));
  Deliver();
  Open(Id(20));
  Keep(Once());
  Once();  // the sum is made, and nothing of it is kept
  ASSERT_EQ(tracker_.issues.size(), 21U);
  Restart();
  EXPECT_EQ(Deliver().reason, "unanswered");
  batch_.now += 91s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 21U);
}

TEST_F(TicketGroupTest, AHostAndOwnerHaveOneTicket) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  OpenOn("web-1", "bbbbbbbbbb");
  FindingOf("cccccccccc").drift.owner = "data";
  OpenOn("web-1", "cccccccccc");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 2U);
  const auto& theirs = IssueOf("Drift on web-1 seen from public (owner: data)");
  EXPECT_EQ(theirs.made.repository, "data/cache");
  EXPECT_EQ(theirs.made.assignee, "dora");
  const auto& issue = IssueOf("Drift on web-1 seen from public (owner: nobody)");
  EXPECT_EQ(issue.made.repository, "sec/exposure");
  EXPECT_THAT(issue.made.body,
              HasSubstr("\n```\n"
                        "aaaaaaaaaa  [warning] tcp/6379 is open on web-1 (192.0.2.10); the policy "
                        "says not_open\n"
                        "bbbbbbbbbb  [warning]"));

  OpenOn("web-1", "dddddddddd");
  Deliver();
  EXPECT_THAT(issue.last_comment, StartsWith("More opened:\n\n```\ndddddddddd  [warning]"));
  FindingOf("bbbbbbbbbb").drift.severity = Severity::kCritical;
  Tell("bbbbbbbbbb", TransitionKind::kChanged);
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_EQ(issue.last_comment,
            "```\n"
            "bbbbbbbbbb  open  [critical] tcp/6379 is open on web-1 (192.0.2.10); the policy says "
            "not_open\n"
            "aaaaaaaaaa  resolved: fixed, closed (rst)  [warning] tcp/6379 is open on "
            "web-1 (192.0.2.10); the policy says not_open\n"
            "```\n");
  EXPECT_TRUE(issue.open);

  Resolve("bbbbbbbbbb");
  Resolve("dddddddddd");
  Deliver();
  EXPECT_FALSE(issue.open);
  EXPECT_EQ(issue.comments.size(), 3U) << "what happens at once is told at once";
  EXPECT_TRUE(theirs.open);
}

TEST_F(TicketGroupTest, WhatBecomesOpenAgainIsAChangeAndAChangeOfWhatIsNewOpens) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  Deliver();
  Lapse("aaaaaaaaaa");
  Deliver();
  EXPECT_THAT(OnlyIssue().last_comment, StartsWith("```\naaaaaaaaaa  open  [warning]"));
  FindingOf("bbbbbbbbbb").state = FindingState::kOpen;
  Tell("bbbbbbbbbb", TransitionKind::kChanged);
  Deliver();
  EXPECT_THAT(OnlyIssue().last_comment, StartsWith("More opened:\n\n```\nbbbbbbbbbb  [warning]"));
}

TEST_F(TicketGroupTest, AHostsTicketIsOpenedAgainWithinTheWindow) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  Deliver();
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
  batch_.now += 24h * 6;
  OpenOn("web-1", "bbbbbbbbbb");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_EQ(OnlyIssue().comments.back(), "More opened:");
  Resolve("bbbbbbbbbb");
  Deliver();
  batch_.now += 24h * 8;
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(tracker_.OpenCount(), 1U);
}

TEST_F(TicketGroupTest, WhatIsSaidIsNotSaidAgainWhileTheTicketCannotBeClosedOrOpened) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  OpenOn("web-1", "bbbbbbbbbb");
  Deliver();
  const auto deliver_with_failures = [&] {
    for (int i = 0; i < 3; ++i) {
      tracker_.next_set_open = Tracker::Fault::kRetry;
      EXPECT_EQ(Deliver().status, Status::kRetry);
    }
    EXPECT_EQ(Deliver().status, Status::kDelivered);
  };
  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Resolve("aaaaaaaaaa");
  Resolve("bbbbbbbbbb");
  Deliver();
  OpenAgain("bbbbbbbbbb");
  deliver_with_failures();
  Resolve("bbbbbbbbbb");
  deliver_with_failures();
  EXPECT_FALSE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, ElementsAre("```", "```", "More opened:", "```"));
}

TEST_F(TicketGroupTest, WhatOpensWhileTheLastEndsKeepsTheTicketOpen) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  Deliver();
  Resolve("aaaaaaaaaa");
  OpenOn("web-1", "bbbbbbbbbb");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().last_comment, Not(HasSubstr("None of its findings")));
}

TEST_F(TicketGroupTest, AHostsTicketThatAPersonClosedIsLeftAndWhatIsNewGetsAnother) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  Deliver();
  auto& first = IssueOf("Drift on web-1 seen from public (owner: nobody)");
  first.open = false;
  batch_.now += 5min;
  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  OpenOn("web-1", "bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(tracker_.OpenCount(), 1U);
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_THAT(first.comments, IsEmpty());
  EXPECT_EQ(tracker_.OpenCount(), 1U);
  Resolve("bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.OpenCount(), 0U);
}

TEST_F(TicketGroupTest, ALostAnswerMakesNoSecondTicketOfAHostAndLeavesNoneOpen) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  tracker_.next_create = Tracker::Fault::kLost;
  EXPECT_EQ(Deliver().status, Status::kRetry);
  Resolve("aaaaaaaaaa");
  batch_.now += 91s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_FALSE(OnlyIssue().open);

  OpenOn("web-2", "bbbbbbbbbb");
  Keep(Once());
  Once();  // the ticket is made, and nothing of it is kept
  Restart();
  EXPECT_EQ(Deliver().reason, "unanswered");
  batch_.now += 91s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(tracker_.OpenCount(), 1U);
}

TEST_F(TicketGroupTest, ALostMemoryFindsTheHostsTicket) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  Deliver();
  batch_.memory.clear();
  Restart();
  OpenOn("web-1", "bbbbbbbbbb");
  Deliver();
  EXPECT_THAT(OnlyIssue().comments, ElementsAre("More opened:"));
}

TEST_F(TicketGroupTest, TheTicketsOfAnotherDaemonOrReceiverAreLeftAlone) {
  TellByHost();
  for (int i = 0; i < 21; ++i) OpenOn("web-" + std::to_string(i), Id(i));
  Deliver();
  ASSERT_EQ(tracker_.issues.size(), 21U);
  for (auto* changed : {&settings_.viewpoint, &settings_.receiver}) {
    *changed += "-2";
    batch_.memory.clear();
    Restart();
    for (int i = 0; i < 21; ++i) Open(Id(i));
    Deliver();
  }
  EXPECT_EQ(tracker_.issues.size(), 63U);
  for (const auto& [key, issue] : tracker_.issues) EXPECT_THAT(issue.comments, IsEmpty()) << key;
}

TEST_F(TicketGroupTest, AListThatLagsBehindIsBelieved) {
  TellByHost();
  OpenOn("web-1", "aaaaaaaaaa");
  Deliver();
  tracker_.issues.begin()->second.open = false;
  tracker_.lists_lag = true;
  OpenOn("web-1", "bbbbbbbbbb");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_THAT(OnlyIssue().comments, ElementsAre("More opened:"));
}

TEST_F(TicketGroupTest, TooManyHostsAreToldOfByTheTicketThatSumsUp) {
  TellByHost();
  for (int i = 0; i < 25; ++i) OpenOn("web-" + std::to_string(i), Id(i));
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 21U);
  for (int i = 0; i < 25; ++i) Resolve(Id(i));
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.OpenCount(), 0U);
}

TEST_F(TicketGroupTest, AHostWhoseTicketIsRefusedStopsNoOther) {
  TellByHost();
  const auto first = OpenOn("web-1", "aaaaaaaaaa");
  const auto second = OpenOn("web-1", "bbbbbbbbbb");
  OpenOn("web-2", "cccccccccc");
  Keep(Once());
  tracker_.next_create = Tracker::Fault::kRefused;
  const auto outcome = Once();
  const bool first_host = outcome.refused.size() == 2U;
  ASSERT_TRUE(first_host || outcome.refused.size() == 1U) << "whichever came first";
  if (first_host) {
    EXPECT_EQ(outcome.refused[0].id, first);
    EXPECT_EQ(outcome.refused[1].id, second);
  }
  EXPECT_EQ(tracker_.issues.size(), 1U);
}

TEST_F(TicketGroupTest, NewsOfATicketThatIsGoneOrSomebodyElsesAreDeadLetters) {
  TellByHost();
  for (const bool gone : {true, false}) {
    OpenOn("web-1", "aaaaaaaaaa");
    Deliver();
    if (gone) {
      tracker_.issues.clear();
    } else {
      tracker_.issues.begin()->second.made.body = "postern-host-bbbbbbbbbb-1\n";
    }
    const auto row = Resolve("aaaaaaaaaa");
    Keep(Once());
    const auto outcome = Once();
    ASSERT_EQ(outcome.refused.size(), 1U);
    EXPECT_EQ(outcome.refused[0].id, row);
    Keep(outcome);
  }
  EXPECT_THAT(OnlyIssue().comments, IsEmpty());
  OpenOn("web-1", "aaaaaaaaaa");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 2U);
}

TEST_F(TicketGroupTest, AHostWhoseRepositoryCannotBeUsedStopsNoOther) {
  TellByHost();
  tracker_.broken["data/cache"] = TicketFailure::Kind::kUnusable;
  FindingOf("aaaaaaaaaa").drift.owner = "data";
  OpenOn("web-1", "aaaaaaaaaa");
  OpenOn("web-2", "bbbbbbbbbb");
  const auto outcome = Deliver();
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.detail, "data/cache");
  EXPECT_EQ(OnlyIssue().made.repository, "sec/exposure");
}

TEST_F(TicketGroupTest, AFindingWithATicketOfItsOwnKeepsIt) {
  Open("aaaaaaaaaa");
  Deliver();
  TellByHost();
  Resolve("aaaaaaaaaa");
  Open("bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(tracker_.OpenCount(), 1U);
  EXPECT_TRUE(IssueOf("Drift on web-1 seen from public (owner: nobody)").open);
}

}  // namespace
}  // namespace postern::exporters

#include "exporters/ticket_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporters/ticket_receiver_fixture.h"

namespace postern::exporters {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Status = DeliveryOutcome::Status;

TEST_F(TicketReceiverTest, OneTicketForAFindingsLife) {
  FindingOf("aaaaaaaaaa").drift.owner = "data";
  Open("aaaaaaaaaa");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(OnlyIssue().made.repository, "data/cache");
  EXPECT_EQ(OnlyIssue().made.assignee, "dora");
  EXPECT_EQ(OnlyIssue().made.component, "caches");
  EXPECT_THAT(OnlyIssue().made.body, HasSubstr("\npostern-finding-aaaaaaaaaa-1\n"));

  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
  batch_.now += 24h * 6;
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments,
              ElementsAre("It changed.", "Fixed: fresh observations agree with the policy.",
                          "It is back."));
}

TEST_F(TicketReceiverTest, AFindingThatReturnsTooLateGetsATicketOfItsOwn) {
  Open("aaaaaaaaaa");
  Deliver();
  Resolve("aaaaaaaaaa");
  Deliver();
  batch_.now += 24h * 8;
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(tracker_.OpenCount(), 1U);
}

TEST_F(TicketReceiverTest, TheWindowEndsWhenTheFindingReturnsAndNotWhenThatIsTold) {
  for (const auto* id : {"aaaaaaaaaa", "bbbbbbbbbb"}) Open(id);
  Deliver();
  for (const auto* id : {"aaaaaaaaaa", "bbbbbbbbbb"}) Resolve(id);
  Deliver();
  batch_.now += 24h * 6;
  OpenAgain("aaaaaaaaaa");
  batch_.now += 24h * 2;
  OpenAgain("bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 3U);
  EXPECT_EQ(tracker_.issues.at("sec/exposure#1").open, true);
  EXPECT_EQ(tracker_.issues.at("sec/exposure#2").open, false);
}

TEST_F(TicketReceiverTest, ATicketThatAPersonClosedStaysClosedUntilTheFindingHasEnded) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.issues.begin()->second.open = false;
  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Lapse("aaaaaaaaaa");
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, IsEmpty());
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, ElementsAre("It is back."));
}

TEST_F(TicketReceiverTest, WhatBecomesOpenAgainIsAChange) {
  Open("aaaaaaaaaa");
  Deliver();
  FindingOf("aaaaaaaaaa").drift.severity = Severity::kCritical;
  Lapse("aaaaaaaaaa");
  Deliver();
  EXPECT_THAT(OnlyIssue().comments, ElementsAre("It changed."));
  EXPECT_THAT(OnlyIssue().last_comment, HasSubstr("\nseverity      critical\n"));
}

TEST_F(TicketReceiverTest, AChangeOfAnOpenFindingThatNobodyWasToldOfMakesATicket) {
  for (const auto state : {FindingState::kAcknowledged, FindingState::kOpen}) {
    FindingOf("aaaaaaaaaa").state = state;
    Tell("aaaaaaaaaa", TransitionKind::kChanged);
    EXPECT_EQ(Deliver().status, Status::kDelivered);
    EXPECT_EQ(tracker_.OpenCount(), state == FindingState::kOpen ? 1U : 0U);
  }
}

TEST_F(TicketReceiverTest, TheIntentIsKeptBeforeTheRequestGoesOut) {
  Open("aaaaaaaaaa");
  const auto first = Once();
  EXPECT_THAT(tracker_.issues, IsEmpty());
  EXPECT_THAT(first.taken, IsEmpty());
  EXPECT_EQ(first.memory->at("aaaaaaaaaa"),
            R"({"episode":1,"repository":"sec/exposure","intent":"2026-03-01T00:00:00.000Z"})");
}

TEST_F(TicketReceiverTest, ACrashBetweenRequestAndAcknowledgementMakesNoSecondTicket) {
  Open("aaaaaaaaaa");
  Keep(Once());
  Once();  // the ticket is made, and nothing of it is kept
  Restart();
  tracker_.lists = 0;
  auto outcome = Deliver();
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.reason, "unanswered");
  EXPECT_EQ(outcome.retry_after, 90s);
  EXPECT_EQ(tracker_.lists, 0);

  batch_.now += 90s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 1U);
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
}

TEST_F(TicketReceiverTest, ALostAnswerMakesNoSecondTicketAndNoLostTicket) {
  for (const auto fault : {Tracker::Fault::kLost, Tracker::Fault::kRetry}) {
    const std::string id = fault == Tracker::Fault::kLost ? "aaaaaaaaaa" : "bbbbbbbbbb";
    tracker_.next_create = fault;
    Open(id);
    EXPECT_EQ(Deliver().status, Status::kRetry);
    batch_.now += 91s;
    EXPECT_EQ(Deliver().status, Status::kDelivered);
  }
  EXPECT_EQ(tracker_.issues.size(), 2U);
}

TEST_F(TicketReceiverTest, WhatWasMadeUnheardIsClosedWhenTheFindingEnds) {
  tracker_.next_create = Tracker::Fault::kLost;
  Open("aaaaaaaaaa");
  Deliver();
  Resolve("aaaaaaaaaa");
  batch_.now += 91s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_FALSE(OnlyIssue().open);
}

TEST_F(TicketReceiverTest, AnIntentWhoseRequestNeverWentOutIsMadeAnew) {
  Open("aaaaaaaaaa");
  Keep(Once());
  Restart();
  batch_.now += 91s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 1U);
}

TEST_F(TicketReceiverTest, AWaitForOneFindingHoldsUpNoOther) {
  tracker_.next_create = Tracker::Fault::kLost;
  Open("aaaaaaaaaa");
  Deliver();
  const auto row = Open("bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(std::ranges::count(batch_.queue, row, &QueuedTransition::id), 0);
}

TEST_F(TicketReceiverTest, AnIntentOfAFindingThatIsNotForThisReceiverAnyMoreIsDropped) {
  Open("aaaaaaaaaa");
  Keep(Once());
  findings_.clear();
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_THAT(batch_.memory, IsEmpty());
  EXPECT_THAT(tracker_.issues, IsEmpty());

  Open("bbbbbbbbbb");
  tracker_.next_create = Tracker::Fault::kLost;
  Deliver();
  const auto finding = std::exchange(findings_, {});
  EXPECT_EQ(Deliver().reason, "unanswered");
  batch_.now += 91s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  findings_ = finding;
  Resolve("bbbbbbbbbb");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open) << "it is known";
}

TEST_F(TicketReceiverTest, AnIntentThatNothingCameOfDoesNotCountForEver) {
  for (int i = 0; i < 20; ++i) Open("aaaaaaaa" + std::to_string(10 + i));
  Keep(Once());
  batch_.queue.clear();
  Open("bbbbbbbbbb");
  batch_.now += 61min;
  Deliver();
  EXPECT_THAT(OnlyIssue().made.title, HasSubstr("tcp/6379 is open"));
}

TEST_F(TicketReceiverTest, ALostMemoryFindsTheTicketsThatAreThere) {
  Open("aaaaaaaaaa");
  Deliver();
  batch_.memory.clear();
  Restart();
  Open("aaaaaaaaaa");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 1U);
}

TEST_F(TicketReceiverTest, WhatIsRefusedIsADeadLetterAndStopsNoOther) {
  tracker_.next_create = Tracker::Fault::kRefused;
  const auto refused = Open("aaaaaaaaaa");
  Open("bbbbbbbbbb");
  Keep(Once());
  const auto outcome = Once();
  EXPECT_EQ(outcome.status, Status::kDelivered);
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, refused);
  EXPECT_EQ(outcome.refused[0].reason, "HTTP status 422: no such assignee");
  EXPECT_THAT(outcome.taken, ElementsAre(refused + 1));
  EXPECT_EQ(tracker_.issues.size(), 1U);
}

TEST_F(TicketReceiverTest, ALimitEndsTheCallAndIsHonoured) {
  Open("aaaaaaaaaa");
  Open("bbbbbbbbbb");
  Keep(Once());
  tracker_.next_create = Tracker::Fault::kRetry;
  const auto outcome = Once();
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.retry_after, 7min);
  EXPECT_THAT(outcome.taken, IsEmpty());
  EXPECT_THAT(tracker_.issues, IsEmpty());
}

TEST_F(TicketReceiverTest, WritesAreASecondApartAndADeliveryEndsInTime) {
  for (const auto* id : {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"}) Open(id);
  Keep(Once());
  tracker_.each_takes = 5s;
  const auto begins = clock_.at;
  Keep(Once());
  EXPECT_EQ(deadline_, begins + 20s);
  EXPECT_EQ(tracker_.issues.size(), 2U) << "ten seconds are over";
  EXPECT_THAT(pauses_, ElementsAre(1s));
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 3U) << "the rest has its turn";
}

TEST_F(TicketReceiverTest, ThingsAreSaidInTheOrderInWhichTheyHappened) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.next_comment = Tracker::Fault::kRetry;
  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Resolve("aaaaaaaaaa");
  EXPECT_EQ(Deliver().status, Status::kRetry);
  EXPECT_TRUE(OnlyIssue().open) << "its end waits for its change";
  Deliver();
  EXPECT_THAT(OnlyIssue().comments,
              ElementsAre("It changed.", "Fixed: fresh observations agree with the policy."));
}

TEST_F(TicketReceiverTest, WhatIsSaidIsNotSaidAgainWhileTheTicketCannotBeClosedOrOpened) {
  Open("aaaaaaaaaa");
  Deliver();
  const auto deliver_with_failures = [&] {
    for (int i = 0; i < 3; ++i) {
      tracker_.next_set_open = Tracker::Fault::kRetry;
      EXPECT_EQ(Deliver().status, Status::kRetry);
    }
    EXPECT_EQ(Deliver().status, Status::kDelivered);
  };
  for (int episode = 1; episode <= 2; ++episode) {
    Resolve("aaaaaaaaaa");
    deliver_with_failures();
    EXPECT_FALSE(OnlyIssue().open);
    OpenAgain("aaaaaaaaaa");
    deliver_with_failures();
    EXPECT_TRUE(OnlyIssue().open);
  }
  EXPECT_THAT(OnlyIssue().comments,
              ElementsAre("Fixed: fresh observations agree with the policy.", "It is back.",
                          "Fixed: fresh observations agree with the policy.", "It is back."));
}

TEST_F(TicketReceiverTest, AnEndThatAReturnHasOvertakenClosesNothing) {
  Open("aaaaaaaaaa");
  Resolve("aaaaaaaaaa");
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, IsEmpty());
}

TEST_F(TicketReceiverTest, WhatIsOverBeforeAnybodyWasToldMakesNoTicket) {
  Open("aaaaaaaaaa");
  Resolve("aaaaaaaaaa");
  FindingOf("bbbbbbbbbb").drift.kind = DriftKind::kStateChanged;
  Open("bbbbbbbbbb");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_THAT(tracker_.issues, IsEmpty());
  EXPECT_EQ(batch_.memory.count("aaaaaaaaaa"), 0U);
}

TEST_F(TicketReceiverTest, ATicketThatIsGoneIsMadeAnewWhenTheFindingReturns) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.issues.clear();
  const auto row = Resolve("aaaaaaaaaa");
  const auto outcome = Once();
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, row);
  Keep(outcome);
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
}

TEST_F(TicketReceiverTest, ATicketThatMovedIsADeadLetterAndMadeAnewWhenTheFindingReturns) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.broken["sec/exposure#1"] = TicketFailure::Kind::kRefused;
  const auto row = Resolve("aaaaaaaaaa");
  Open("bbbbbbbbbb");
  const auto outcome = Once();
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, row);
  Keep(outcome);
  tracker_.issues.at("sec/exposure#1").made.repository = "sec/elsewhere";
  OpenAgain("aaaaaaaaaa");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 3U);
}

TEST_F(TicketReceiverTest, ARepositoryThatCannotBeUsedStopsNoOther) {
  tracker_.broken["data/cache"] = TicketFailure::Kind::kUnusable;
  for (const auto* id : {"aaaaaaaaaa", "bbbbbbbbbb"}) {
    FindingOf(id).drift.owner = "data";
    Open(id);
  }
  Open("cccccccccc");
  auto outcome = Deliver();
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.reason, "http_4xx");
  EXPECT_EQ(outcome.detail, "data/cache");
  EXPECT_EQ(OnlyIssue().made.repository, "sec/exposure");
  EXPECT_EQ(batch_.queue.size(), 2U);
  EXPECT_EQ(tracker_.lists, 3) << "a repository is asked once in a round";

  tracker_.broken.clear();
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 3U);
}

TEST_F(TicketReceiverTest, ATicketThatCannotBeCommentedStopsNoOther) {
  for (const auto* id : {"aaaaaaaaaa", "bbbbbbbbbb"}) Open(id);
  Deliver();
  tracker_.broken["sec/exposure#1"] = TicketFailure::Kind::kUnusable;
  for (const auto* id : {"aaaaaaaaaa", "bbbbbbbbbb"}) Resolve(id);
  EXPECT_EQ(Deliver().status, Status::kRetry);
  EXPECT_EQ(tracker_.OpenCount(), 1U);
  EXPECT_EQ(batch_.queue.size(), 1U);
}

TEST_F(TicketReceiverTest, ARepositoryOfTicketsThatCannotBeHadIsNotAskedForEachOfThem) {
  const std::string ids = "abcdefgh";
  for (const char id : ids) Open(std::string(10, id));
  FindingOf("zzzzzzzzzz").drift.owner = "data";
  Open("zzzzzzzzzz");
  Deliver();
  for (const auto& [key, issue] : tracker_.issues) {
    if (issue.made.repository == "sec/exposure") {
      tracker_.broken[key] = TicketFailure::Kind::kUnusable;
    }
  }
  for (const char id : ids) Resolve(std::string(10, id));
  Resolve("zzzzzzzzzz");
  tracker_.gets = 0;
  const auto outcome = Once();
  EXPECT_EQ(outcome.taken.size(), 1U);
  EXPECT_EQ(tracker_.gets, 3 + 1);
}

TEST_F(TicketReceiverTest, ATicketIsGoneOnlyIfItsRepositoryIsThere) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.broken["sec/exposure#1"] = TicketFailure::Kind::kNotFound;
  tracker_.broken["sec/exposure"] = TicketFailure::Kind::kUnusable;
  Resolve("aaaaaaaaaa");
  const auto outcome = Deliver();
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.detail, "sec/exposure");
  EXPECT_THAT(outcome.refused, IsEmpty());
  tracker_.broken.erase("sec/exposure");
  EXPECT_EQ(Once().refused.size(), 1U);
}

TEST_F(TicketReceiverTest, ATicketOfSomebodyElseUnderTheSameKeyIsLeftAlone) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.issues.begin()->second.made.body = "Somebody's own.\n";
  const auto changed = Tell("aaaaaaaaaa", TransitionKind::kChanged);
  const auto outcome = Deliver();
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, changed);
  EXPECT_EQ(outcome.refused[0].reason,
            "sec/exposure#1 is not Postern's: its text has no line that begins with "
            "postern-finding-aaaaaaaaaa-");
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, IsEmpty());
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
}

TEST_F(TicketReceiverTest, WithoutACredentialNothingGoesAndNothingIsLost) {
  TicketReceiver receiver({}, [](SteadyTime) -> Result<std::unique_ptr<TicketSystem>> {
    return Error{"secret file t cannot be read or is empty"};
  });
  Open("aaaaaaaaaa");
  const auto outcome = receiver.Deliver(batch_, {});
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.reason, "secret");
  EXPECT_THAT(outcome.taken, IsEmpty());
}

}  // namespace
}  // namespace postern::exporters

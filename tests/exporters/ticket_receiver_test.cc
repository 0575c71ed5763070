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

TEST_F(TicketReceiverTest, ATicketThatAPersonClosedStaysClosedUntilTheFindingHasEnded) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.issues.begin()->second.open = false;
  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Open("aaaaaaaaaa");  // an acknowledgement ended
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, IsEmpty());
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, ElementsAre("It is back."));
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
  EXPECT_EQ(outcome.retry_after, 70s);
  EXPECT_EQ(tracker_.lists, 0);

  batch_.now += 70s;
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
    batch_.now += 71s;
    EXPECT_EQ(Deliver().status, Status::kDelivered);
  }
  EXPECT_EQ(tracker_.issues.size(), 2U);
}

TEST_F(TicketReceiverTest, WhatWasMadeUnheardIsClosedWhenTheFindingEnds) {
  tracker_.next_create = Tracker::Fault::kLost;
  Open("aaaaaaaaaa");
  Deliver();
  Resolve("aaaaaaaaaa");
  batch_.now += 71s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_FALSE(OnlyIssue().open);
}

TEST_F(TicketReceiverTest, AnIntentWhoseRequestNeverWentOutIsMadeAnew) {
  Open("aaaaaaaaaa");
  Keep(Once());
  Restart();
  batch_.now += 71s;
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
  Keep(Once());
  EXPECT_EQ(tracker_.issues.size(), 2U) << "ten seconds are over";
  EXPECT_THAT(pauses_, ElementsAre(1s));
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 3U) << "the intent was too old and is made anew";
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

TEST_F(TicketReceiverTest, WithoutACredentialNothingGoesAndNothingIsLost) {
  TicketReceiver receiver({}, []() -> Result<std::unique_ptr<TicketSystem>> {
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

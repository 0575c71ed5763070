#include "drift/acknowledge.h"

#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::drift {
namespace {

using std::chrono::hours;

Finding Of(FindingState state) {
  Finding finding;
  finding.id = "abcdefghij";
  finding.episode = 2;
  finding.state = state;
  return finding;
}

Acknowledgement Said(std::string comment, TimePoint until) {
  return {"alice", kNow, std::move(comment), until};
}

std::string Refusal(const Result<Advance>& result) {
  return result ? "accepted" : result.error().message;
}

TEST(Acknowledge, KeepsWhoWhenAndWhyAndTellsTheReceivers) {
  const auto said = Said("moves behind the VPN", kNow + hours(48));
  const auto advance = Acknowledge(Of(FindingState::kOpen), said);
  ASSERT_TRUE(advance) << advance.error().message;
  auto expected = Of(FindingState::kAcknowledged);
  expected.acknowledgement = said;
  EXPECT_EQ(advance->changed, std::vector{expected});
  const Transition told{"abcdefghij", 2, TransitionKind::kChanged, kNow};
  EXPECT_EQ(advance->transitions, std::vector{told});
}

TEST(Acknowledge, RefusesWhatNobodyIsToldOf) {
  const auto refusal = [](FindingState state) {
    return Refusal(Acknowledge(Of(state), Said("why", kNow + hours(1))));
  };
  EXPECT_EQ(refusal(FindingState::kAcknowledged), "accepted") << "a newer word replaces the older";
  EXPECT_EQ(refusal(FindingState::kPending),
            "finding abcdefghij-2 is pending: it is not confirmed yet, and nobody was told of it");
  EXPECT_EQ(refusal(FindingState::kAccepted),
            "finding abcdefghij-2 is accepted: the policy accepts it, and nobody is told of it");
  EXPECT_EQ(refusal(FindingState::kResolved), "finding abcdefghij-2 is resolved: it has ended");
}

TEST(Acknowledge, WantsAReasonAndAnEnd) {
  const auto refusal = [](std::string comment, Duration length) {
    return Refusal(Acknowledge(Of(FindingState::kOpen), Said(std::move(comment), kNow + length)));
  };
  EXPECT_EQ(refusal("why", kLongestAcknowledgement), "accepted");
  EXPECT_EQ(refusal("  ", hours(1)),
            "a comment is needed: who looks next must know why nobody is told any more");
  EXPECT_EQ(refusal("why", hours(0)),
            "the acknowledgement would be over at once: name a date that is to come");
  EXPECT_EQ(refusal("why", kLongestAcknowledgement + Duration(1)),
            "an acknowledgement lasts 30 days at most; what is meant to stay is for `accept` in "
            "the policy");
}

TEST(Acknowledge, CanBeTakenBack) {
  auto finding = Of(FindingState::kAcknowledged);
  finding.acknowledgement = Said("why", kNow + hours(1));
  const auto advance = Reopen(finding, kNow);
  ASSERT_TRUE(advance) << advance.error().message;
  EXPECT_EQ(advance->changed, std::vector{Of(FindingState::kOpen)});
  const Transition told{"abcdefghij", 2, TransitionKind::kOpened, kNow};
  EXPECT_EQ(advance->transitions, std::vector{told});

  EXPECT_EQ(Refusal(Reopen(Of(FindingState::kOpen), kNow)),
            "finding abcdefghij-2 is open: only an acknowledged one can be reopened");
  EXPECT_EQ(Refusal(Reopen(Of(FindingState::kResolved), kNow)),
            "finding abcdefghij-2 is resolved: it returns by itself when it is seen again");
}

}  // namespace
}  // namespace postern::drift

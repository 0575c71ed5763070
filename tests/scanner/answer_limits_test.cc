#include "scanner/answer_limits.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;

const IpAddress kHost = *IpAddress::Parse("192.0.2.1");

// A host under test: what a round of a scan brings of it.
class AnswerLimitsTest : public testing::Test {
 protected:
  // Asks `asked` endpoints in a round of `length`, of which `answered` answer.
  void Round(int asked, int answered, AnswerLimits::Time::duration length = 1s) {
    for (int i = 0; i < asked; ++i) limits_.Asked(kHost);
    for (int i = 0; i < answered; ++i) limits_.Answered(kHost);
    answered_so_far_ += static_cast<std::uint64_t>(answered);
    limits_.EndRound(
        limits_.IsPending(kHost) ? AnswerLimits::Whom::kPending : AnswerLimits::Whom::kOthers, now_,
        now_ + length, [this](const IpAddress&) { return answered_so_far_; });
    now_ += length;
  }

  // How long the host must be left alone after a packet.
  double SecondsBetween() {
    limits_.Take(kHost, now_);
    return std::chrono::duration<double>(limits_.Ready(kHost, now_) - now_).count();
  }

  AnswerLimits limits_;
  std::uint64_t answered_so_far_ = 0;
  AnswerLimits::Time now_{1h};
};

TEST_F(AnswerLimitsTest, WhatIsLostOnTheWayDiesOut) {
  for (const double loss : {0.01, 0.04, 0.2}) {
    limits_ = AnswerLimits();
    answered_so_far_ = 0;
    double silent = 60'000;
    for (int round = 0; round < 6; ++round) {
      Round(static_cast<int>(silent), static_cast<int>(silent * (1 - loss)));
      silent *= loss;
      EXPECT_FALSE(limits_.AnyPending()) << loss;
    }
  }
}

// Six at once, however fast it is asked: no round alone tells.
TEST_F(AnswerLimitsTest, LateAnswersOfAllRoundsCountTogether) {
  Round(400, 6);
  Round(394, 6);
  EXPECT_FALSE(limits_.IsPending(kHost));
  Round(388, 6);
  EXPECT_TRUE(limits_.IsPending(kHost));
}

TEST_F(AnswerLimitsTest, AFewLateAnswersAreChance) {
  Round(1000, 12);
  Round(988, 9);
  EXPECT_FALSE(limits_.AnyPending());
}

// 1,000 closed ports of a host that sends 100 resets a second.
TEST_F(AnswerLimitsTest, ALimitedHostIsAskedAtItsOwnSpeedUntilAllIsAnswered) {
  Round(1000, 100);
  EXPECT_FALSE(limits_.IsPending(kHost)) << "one round tells nothing";
  Round(900, 100);
  ASSERT_TRUE(limits_.IsPending(kHost));
  EXPECT_NEAR(SecondsBetween(), 0.0125, 1e-6) << "80 a second";
  Round(800, 800, 10s);
  EXPECT_TRUE(limits_.IsPending(kHost)) << "nobody has said that this was all";
  Round(0, 0);
  EXPECT_FALSE(limits_.AnyPending());
  EXPECT_FALSE(limits_.AnyGivenUp());
}

TEST_F(AnswerLimitsTest, AHostThatWasAskedTooFastStillIsSlowedDown) {
  Round(1000, 150);
  Round(850, 150);
  const double before = SecondsBetween();
  Round(700, 350, 6s);
  EXPECT_NEAR(SecondsBetween(), 2 * before, 1e-6);
}

TEST_F(AnswerLimitsTest, TwoQuietRoundsSettleWhatIsReallySilent) {
  Round(1000, 100);
  Round(900, 100);
  Round(800, 300, 10s);
  Round(500, 0, 10s);
  EXPECT_TRUE(limits_.IsPending(kHost));
  Round(500, 0, 10s);
  EXPECT_FALSE(limits_.AnyPending());
  EXPECT_FALSE(limits_.IsGivenUp(kHost)) << "its silence is a verdict";
}

TEST_F(AnswerLimitsTest, AHostThatWouldTakeHoursIsGivenUp) {
  Round(60'000, 12);
  Round(59'988, 12);
  Round(59'976, 2'000, 600s);
  EXPECT_FALSE(limits_.AnyPending());
  EXPECT_TRUE(limits_.IsGivenUp(kHost));
}

TEST_F(AnswerLimitsTest, NobodyWaitsForAHostThatIsGivenUp) {
  Round(1000, 100);
  Round(900, 100);
  limits_.GiveUpPending();
  EXPECT_FALSE(limits_.AnyPending());
  EXPECT_EQ(limits_.GivenUp(), std::vector{kHost});
}

// While the others are asked, nothing is learnt of it.
TEST_F(AnswerLimitsTest, ARoundOfTheOthersDoesNotSettleAPendingHost) {
  Round(1000, 100);
  Round(900, 100);
  const double before = SecondsBetween();
  for (int round = 0; round < 3; ++round) {
    limits_.EndRound(AnswerLimits::Whom::kOthers, now_, now_ + 1s,
                     [](const IpAddress&) { return std::uint64_t{200}; });
  }
  EXPECT_TRUE(limits_.IsPending(kHost));
  EXPECT_EQ(SecondsBetween(), before);
}

TEST_F(AnswerLimitsTest, OtherHostsGoOn) {
  Round(1000, 100);
  Round(900, 100);
  const auto other = *IpAddress::Parse("192.0.2.2");
  limits_.Take(other, now_);
  EXPECT_EQ(limits_.Ready(other, now_), now_);
  EXPECT_FALSE(limits_.IsPending(other));
}

}  // namespace
}  // namespace postern::scanner

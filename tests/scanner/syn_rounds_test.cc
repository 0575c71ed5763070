#include "scanner/syn_rounds.h"

#include <gtest/gtest.h>

namespace postern::scanner {
namespace {

using Time = SynRounds::Time;

// A thousand endpoints, of which the even ones answer.
class SynRoundsTest : public testing::Test {
 protected:
  static ScanPlan Plan() {
    ScanPlan plan;
    PortSet ports;
    ports.Add(Protocol::kTcp, {1, 1000});
    plan.Add({Prefix(*IpAddress::Parse("192.0.2.1"), 32)}, ports);
    return plan;
  }

  // A round in which everything wanted is asked and one answer in `every` is lost.
  bool Round(std::uint64_t every) {
    now_ += std::chrono::seconds(2);
    rounds_.Start(now_);
    for (std::uint64_t i = 0; i < plan_.size(); ++i) {
      if (!rounds_.IsWanted(i)) continue;
      record_.Silence(i);
      if (i % 2 != 0 || (every != 0 && ++asked_ % every == 0)) continue;
      record_.Answer(i, plan_.At(i),
                     {{PortState::kClosed, {Reason::Kind::kReset}}, {}, rounds_.round() == 1});
    }
    return rounds_.End(/*lost_replies=*/false, now_);
  }

  const ScanPlan plan_ = Plan();
  ScanRecord record_{plan_};
  AnswerLimits limits_;
  SynRounds rounds_{record_, limits_, 3};
  Time now_{std::chrono::hours(1)};
  std::uint64_t asked_ = 0;
};

TEST_F(SynRoundsTest, WithoutLossTheLeastTriesAreEnough) {
  EXPECT_FALSE(Round(0));
  EXPECT_FALSE(Round(0));
  EXPECT_TRUE(Round(0));
  EXPECT_EQ(rounds_.MissProbability(), 0);
}

// Answers are late from the second round on; no timing probe was lost, or there was none.
TEST_F(SynRoundsTest, LossThatOnlyTheSecondRoundShowsAsksForMore) {
  for (int round = 1; round <= 4; ++round) EXPECT_FALSE(Round(25)) << round;
  EXPECT_TRUE(Round(25));
  EXPECT_GT(rounds_.MissProbability(), 0);
  EXPECT_LT(rounds_.MissProbability() * 1000, 1e-3);
}

TEST_F(SynRoundsTest, ARoundThatLostMoreCountsForLess) {
  rounds_.Start(now_);
  for (int i = 0; i < 32; ++i) rounds_.CountTiming(/*answered=*/i % 2 == 0);
  const double bad = rounds_.MissProbability();
  rounds_.Start(now_);
  for (int i = 0; i < 32; ++i) rounds_.CountTiming(/*answered=*/true);
  EXPECT_GT(bad, 0.4);
  EXPECT_LT(rounds_.MissProbability(), bad / 4);
}

}  // namespace
}  // namespace postern::scanner

#include "scanner/syn_rounds.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

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

// 192.0.2.1 answers 20 of its closed ports in each round, whatever is asked; the other is silent.
TEST(SynRounds, AHostThatLimitsItsAnswersIsAskedWhenTheOthersAreSettled) {
  ScanPlan plan;
  PortSet ports;
  ports.Add(Protocol::kTcp, {1, 500});
  plan.Add({Prefix(*IpAddress::Parse("192.0.2.0"), 31)}, ports);
  ScanRecord record(plan);
  AnswerLimits limits;
  SynRounds rounds(record, limits, 3);
  Time now{std::chrono::hours(1)};
  const auto round = [&] {
    now += std::chrono::seconds(2);
    rounds.Start(now);
    std::set<std::string> asked;
    int answers = 20;
    for (std::uint64_t i = 0; i < plan.size(); ++i) {
      if (!rounds.IsWanted(i)) continue;
      const auto endpoint = plan.At(i);
      asked.insert(endpoint.address.ToString());
      limits.Asked(endpoint.address);
      record.Silence(i);
      if (endpoint.address.ToString() != "192.0.2.1" || --answers < 0) continue;
      limits.Answered(endpoint.address);
      record.Answer(i, endpoint, {{PortState::kClosed, {Reason::Kind::kReset}}, {}, true});
    }
    EXPECT_FALSE(rounds.End(/*lost_replies=*/false, now + std::chrono::seconds(1)));
    return asked;
  };
  const std::set<std::string> both = {"192.0.2.0", "192.0.2.1"};
  EXPECT_EQ(round(), both);
  EXPECT_EQ(round(), both);
  EXPECT_EQ(round(), std::set<std::string>{"192.0.2.0"}) << "the slow one would hold it back";
  EXPECT_TRUE(rounds.OnlyPendingAreLeft());
  EXPECT_EQ(round(), std::set<std::string>{"192.0.2.1"});
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

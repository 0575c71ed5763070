#include "scanner/spread.h"

#include <gtest/gtest.h>

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Time = Spread::Time;

ScanRequest RequestOf(Duration spread, std::uint64_t expected_probes) {
  ScanRequest request;
  request.spread = spread;
  request.expected_probes = expected_probes;
  return request;
}

class SpreadTest : public testing::Test {
 protected:
  // Sends `probes`, each when it is due.
  void Send(Spread& spread, int probes) {
    for (int i = 0; i < probes; ++i) {
      now_ = std::max(now_, spread.Next().until);
      spread.Sent(now_);
    }
    now_ = std::max(now_, spread.Next().until);
  }
  double Elapsed() const { return std::chrono::duration<double>(now_ - kStart).count(); }

  static constexpr Time kStart{1h};
  Time now_ = kStart;
};

TEST_F(SpreadTest, TheProbesOfAllTriesFillTheTime) {
  const auto request = RequestOf(96s, 3 * 4800);
  Spread spread(request, now_);
  for (int round = 1; round <= 3; ++round) {
    spread.StartRound(round, 4800, now_);
    Send(spread, 4800);
    EXPECT_NEAR(Elapsed(), 32 * round, 0.1);
  }
}

// All ports had answered before, and now all are silent: two more rounds in what is left.
TEST_F(SpreadTest, WhatIsSilentAgainstExpectationIsAskedFaster) {
  const auto request = RequestOf(100s, 1200);
  Spread spread(request, now_);
  spread.StartRound(1, 0, now_);
  Send(spread, 1000);
  EXPECT_NEAR(Elapsed(), 83.3, 0.1);
  for (int round = 2; round <= 3; ++round) {
    spread.StartRound(round, 1000, now_);
    Send(spread, 1000);
  }
  EXPECT_NEAR(Elapsed(), 100, 0.1);
}

TEST_F(SpreadTest, PastItsTimeNothingIsHeldBack) {
  const auto request = RequestOf(1s, 1000);
  Spread spread(request, now_);
  now_ += 2s;
  spread.StartRound(1, 0, now_);
  Send(spread, 1000);
  EXPECT_EQ(Elapsed(), 2);
}

TEST_F(SpreadTest, AScanThatIsNotSpreadIsNotHeldBack) {
  const auto request = RequestOf(0s, 1000);
  Spread spread(request, now_);
  spread.StartRound(1, 0, now_);
  Send(spread, 1000);
  EXPECT_EQ(Elapsed(), 0);
}

TEST_F(SpreadTest, WithoutExpectationEveryEndpointTakesAllTries) {
  auto request = RequestOf(6s, 0);
  request.plan.Add({*Prefix::Parse("192.0.2.0/31")},
                   *PortSet::Parse("tcp/1-10", PortSet::BarePorts::kAreAnError));
  Spread spread(request, now_);
  spread.StartRound(1, 0, now_);
  Send(spread, 20);
  EXPECT_NEAR(Elapsed(), 2, 0.1);
}

}  // namespace
}  // namespace postern::scanner

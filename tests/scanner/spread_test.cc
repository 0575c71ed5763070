#include "scanner/spread.h"

#include <gtest/gtest.h>

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Time = Spread::Time;

ScanRequest RequestOf(Duration spread) {
  ScanRequest request;
  request.spread = spread;
  return request;
}

class SpreadTest : public testing::Test {
 protected:
  // Sends `probes`, each when it is due.
  void Send(Spread& spread, int probes) {
    for (int i = 0; i < probes; ++i) {
      now_ = std::max(now_, spread.Next());
      spread.Sent(now_);
    }
    now_ = std::max(now_, spread.Next());
  }
  double Elapsed() const { return std::chrono::duration<double>(now_ - kStart).count(); }

  static constexpr Time kStart{1h};
  Time now_ = kStart;
};

TEST_F(SpreadTest, TheProbesOfAllTriesFillTheTime) {
  Spread spread(RequestOf(96s), now_);
  for (int tries_left = 3; tries_left >= 1; --tries_left) {
    spread.StartRound(static_cast<std::uint64_t>(4800 * tries_left), now_);
    Send(spread, 4800);
    EXPECT_NEAR(Elapsed(), 32 * (4 - tries_left), 0.1);
  }
}

// All ports had answered before, and now all are silent: two more rounds in what is left.
TEST_F(SpreadTest, WhatIsSilentAgainstExpectationIsAskedFaster) {
  Spread spread(RequestOf(100s), now_);
  spread.StartRound(1200, now_);
  Send(spread, 1000);
  EXPECT_NEAR(Elapsed(), 83.3, 0.1);
  spread.StartRound(2000, now_);
  Send(spread, 2000);
  EXPECT_NEAR(Elapsed(), 100, 0.1);
}

TEST_F(SpreadTest, PastItsTimeNothingIsHeldBack) {
  Spread spread(RequestOf(1s), now_);
  now_ += 2s;
  spread.StartRound(1000, now_);
  Send(spread, 1000);
  EXPECT_EQ(Elapsed(), 2);
}

TEST_F(SpreadTest, AScanThatIsNotSpreadIsNotHeldBack) {
  Spread spread(RequestOf(0s), now_);
  spread.StartRound(1000, now_);
  Send(spread, 1000);
  EXPECT_EQ(Elapsed(), 0);
}

TEST_F(SpreadTest, WithoutExpectationEveryEndpointTakesAllTries) {
  auto request = RequestOf(1s);
  request.plan.Add({*Prefix::Parse("192.0.2.0/31")},
                   *PortSet::Parse("tcp/1-10", PortSet::BarePorts::kAreAnError));
  EXPECT_EQ(Spread::ExpectedProbes(request), 60U);
  request.expected_probes = 25;
  EXPECT_EQ(Spread::ExpectedProbes(request), 25U);
}

}  // namespace
}  // namespace postern::scanner

#include "scanner/held_back.h"

#include <gtest/gtest.h>

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;

TEST(HeldBack, CountsTheTimeUntilSomethingElseHoldsTheScanBack) {
  HeldBack held_back;
  HeldBack::Time now{1h};
  held_back.By(ScanBound::kHostRate, now);
  held_back.By(ScanBound::kHostRate, now += 2s);
  held_back.By(ScanBound::kSilence, now += 1s);
  held_back.By(ScanBound::kPath, now += 500ms);
  held_back.By(ScanBound::kPath, now += 500us);
  EXPECT_EQ(held_back.Times(),
            (BoundTimes{{ScanBound::kHostRate, 3s}, {ScanBound::kSilence, 500ms}}));
}

TEST(HeldBack, TheLongerOfTwoPausesCounts) {
  const Pause::Time now{1h};
  const Pause host{now + 2s, ScanBound::kHostRate};
  const Pause network{now + 1s, ScanBound::kNetworkRate};
  EXPECT_EQ(Longer(host, network), host);
  EXPECT_EQ(Longer(network, host), host);
}

}  // namespace
}  // namespace postern::scanner

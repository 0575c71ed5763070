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

TEST(HeldBack, TheLongestPauseCounts) {
  const Pause::Time now{1h};
  const Pause host{now + 2s, ScanBound::kHostRate};
  const Pause network{now + 1s, ScanBound::kNetworkRate};
  EXPECT_EQ(Longest({network, host, {now}}), host);
  EXPECT_EQ(Longest({{now}, {now, ScanBound::kRate}}), Pause{now}) << "the first of equals";
}

}  // namespace
}  // namespace postern::scanner

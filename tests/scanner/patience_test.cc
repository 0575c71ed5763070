#include "scanner/patience.h"

#include <gtest/gtest.h>

#include <chrono>

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;

TEST(HostPatience, WaitsLongForHostsThatNeverAnswered) {
  HostPatience patience;
  const auto known = *IpAddress::Parse("192.0.2.1");
  const auto unknown = *IpAddress::Parse("192.0.2.2");
  patience.Answered(known, 50ms);
  EXPECT_EQ(patience.EarlyWait(known), 150ms);
  EXPECT_EQ(patience.EarlyWait(unknown), 950ms);
}

TEST(HostPatience, StaysBetweenATenthOfASecondAndTheKernelsRetransmit) {
  HostPatience patience;
  const auto near = *IpAddress::Parse("192.0.2.1");
  const auto far = *IpAddress::Parse("192.0.2.2");
  for (int i = 0; i < 20; ++i) {
    patience.Answered(near, 200us);
    patience.Answered(far, i % 2 ? 300ms : 900ms);
  }
  EXPECT_EQ(patience.EarlyWait(near), 100ms);
  EXPECT_EQ(patience.EarlyWait(far), 950ms);
}

TEST(HostPatience, WeighsSamplesAsRfc6298Does) {
  HostPatience patience;
  const auto host = *IpAddress::Parse("192.0.2.1");
  patience.Answered(host, 80ms);
  patience.Answered(host, 160ms);
  // Variation (3 * 40 + 80) / 4 = 50 ms, smoothed (7 * 80 + 160) / 8 = 90 ms.
  EXPECT_EQ(patience.EarlyWait(host), 290ms);
}

TEST(TriesFor, GrowsWithLossAndWithTheNumberAtStake) {
  EXPECT_EQ(TriesFor(65535, 0, 3), 3);
  EXPECT_EQ(TriesFor(65535, 0.0396, 3), 6);  // 2 % each way
  EXPECT_EQ(TriesFor(1, 0.0396, 3), 3);
  EXPECT_EQ(TriesFor(1, 0.5, 3), 10);
  EXPECT_EQ(TriesFor(65535, 0.5, 3), kMostTries);
  EXPECT_EQ(TriesFor(0, 0.5, 3), 3);
  EXPECT_EQ(TriesFor(65535, 0.5, kMostTries + 2), kMostTries + 2);
}

TEST(HostPatience, WaitsForTheSlowestHostThatAnswered) {
  HostPatience patience;
  EXPECT_EQ(patience.LongestEarlyWait(), kEarlyWait);
  patience.Answered(*IpAddress::Parse("192.0.2.1"), std::chrono::milliseconds(1));
  EXPECT_EQ(patience.LongestEarlyWait(), kShortestEarlyWait);
  patience.Answered(*IpAddress::Parse("192.0.2.2"), std::chrono::milliseconds(200));
  EXPECT_EQ(patience.LongestEarlyWait(), std::chrono::milliseconds(600));
}

}  // namespace
}  // namespace postern::scanner

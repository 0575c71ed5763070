#include "cli/held_back_text.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using namespace std::chrono_literals;

TEST(HeldBackText, NamesTheCapThatHeldTheScanBackFirst) {
  const BoundTimes times = {
      {ScanBound::kPath, 100ms}, {ScanBound::kNetworkRate, 66s}, {ScanBound::kSilence, 3s}};
  EXPECT_EQ(HeldBackText(times, {100'000, 100'000, 1000}),
            "held back by --network-rate 1000 (95 % of its time), waiting for silent endpoints "
            "(4 % of its time)");
}

TEST(HeldBackText, SaysNothingOfAShortScan) {
  EXPECT_EQ(HeldBackText({{ScanBound::kRate, 999ms}}, {}), "");
  EXPECT_EQ(HeldBackText({}, {}), "");
}

TEST(HeldBackText, NamesTenSlowHosts) {
  const auto host = *IpAddress::Parse("192.0.2.1");
  EXPECT_EQ(SlowHostLines({}), std::vector<std::string>());
  const auto lines = SlowHostLines(std::vector(12, host));
  ASSERT_EQ(lines.size(), 11U);
  EXPECT_EQ(lines.front(),
            "192.0.2.1 limits its replies, and its ports that were left in the end are unknown");
  EXPECT_EQ(lines.back(), "so do 2 more hosts");
}

}  // namespace
}  // namespace postern::cli

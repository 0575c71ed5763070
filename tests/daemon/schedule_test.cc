#include "daemon/schedule.h"

#include <gtest/gtest.h>

namespace postern::daemon {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const TimePoint kStart{std::chrono::sys_days(std::chrono::year(2026) / 3 / 29)};

TEST(ScheduleTest, ARestartGoesOnWhereTheLastRunLeftOff) {
  EXPECT_EQ(FirstDelay(std::nullopt, kStart, minutes(60)), seconds(0));
  EXPECT_EQ(FirstDelay(kStart, kStart + minutes(10), minutes(60)), minutes(50));
  EXPECT_EQ(FirstDelay(kStart, kStart + minutes(600), minutes(60)), seconds(0));
  EXPECT_EQ(FirstDelay(kStart + minutes(10), kStart, minutes(60)), seconds(0))
      << "a clock that was set back must not silence a scan";
}

TEST(ScheduleTest, ALongRunIsFollowedAtOnceAndNothingIsMadeUpFor) {
  EXPECT_EQ(NextDelay(seconds(10), minutes(1), seconds(0), 0.5), seconds(50));
  EXPECT_EQ(NextDelay(minutes(5), minutes(1), seconds(0), 0.5), seconds(0));
  EXPECT_EQ(NextDelay(seconds(10), minutes(1), seconds(20), 0.5), seconds(60));
}

}  // namespace
}  // namespace postern::daemon

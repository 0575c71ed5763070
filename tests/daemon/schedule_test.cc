#include "daemon/schedule.h"

#include <gtest/gtest.h>

namespace postern::daemon {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const TimePoint kStart{std::chrono::sys_days(std::chrono::year(2026) / 3 / 29)};

TEST(ScheduleTest, ARestartGoesOnWhereTheLastRunLeftOff) {
  const auto delay = [](std::optional<TimePoint> last_started, TimePoint now) {
    return DelayUntilNext(SinceLastStart(last_started, now), minutes(60), minutes(5), 0);
  };
  EXPECT_EQ(delay(std::nullopt, kStart), seconds(0));
  EXPECT_EQ(delay(kStart, kStart + minutes(10)), minutes(50));
  EXPECT_EQ(delay(kStart, kStart + minutes(600)), seconds(0));
  EXPECT_EQ(delay(kStart + minutes(10), kStart), seconds(0))
      << "a clock that was set back must not silence a scan";
}

TEST(ScheduleTest, ALongRunIsFollowedAtOnceAndNothingIsMadeUpFor) {
  EXPECT_EQ(DelayUntilNext(seconds(10), minutes(1), seconds(0), 0.5), seconds(50));
  EXPECT_EQ(DelayUntilNext(minutes(5), minutes(1), seconds(0), 0.5), seconds(0));
  EXPECT_EQ(DelayUntilNext(seconds(10), minutes(1), seconds(20), 0.5), seconds(60));
}

}  // namespace
}  // namespace postern::daemon

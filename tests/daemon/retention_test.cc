#include "daemon/retention.h"

#include <gtest/gtest.h>

namespace postern::daemon {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

const TimePoint kNow{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

TEST(AgeClock, FollowsAClockThatGoesOn) {
  AgeClock ages(kNow - minutes(5), Duration(0));
  EXPECT_EQ(ages.Read(kNow, minutes(5)).time, kNow);
  EXPECT_EQ(ages.Read(kNow + days(3), minutes(5) + days(3)).time, kNow + days(3));
  EXPECT_EQ(AgeClock(std::nullopt, Duration(0)).Read(kNow, minutes(5)).time, kNow);
}

TEST(AgeClock, ALeapAheadIsNotBelievedForADay) {
  AgeClock ages(kNow, Duration(0));
  const auto leap = ages.Read(kNow + days(365), minutes(1));
  EXPECT_EQ(leap.time, kNow + minutes(1));
  EXPECT_TRUE(leap.leapt);
  const auto later = ages.Read(kNow + days(365) + hours(20), hours(20));
  EXPECT_EQ(later.time, kNow + hours(20));
  EXPECT_FALSE(later.leapt) << "told once";
  EXPECT_EQ(ages.Read(kNow + hours(21), hours(21)).time, kNow + hours(21)) << "put right";

  EXPECT_EQ(ages.Read(kNow + days(365), hours(22)).time, kNow + hours(22));
  EXPECT_EQ(ages.Read(kNow + days(366), hours(46)).time, kNow + days(366)) << "it stayed";
}

TEST(AgeClock, AClockThatWasWrongAndIsPutRightLosesNothing) {
  AgeClock ages(kNow, Duration(0));
  EXPECT_EQ(ages.Read(kNow - days(365), minutes(1)).time, kNow - days(365));
  EXPECT_EQ(ages.Read(kNow, minutes(2)).time, kNow - days(365) + minutes(1));
}

TEST(AgeClock, ALongPauseIsALeapToo) {
  AgeClock ages(kNow, Duration(0));
  EXPECT_EQ(ages.Read(kNow + days(30), Duration(0)).time, kNow);
  EXPECT_EQ(ages.Read(kNow + days(31), hours(24)).time, kNow + days(31));
}

}  // namespace
}  // namespace postern::daemon

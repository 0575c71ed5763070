#include "daemon/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "policy/quiet_hours.h"

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

// The UTC hours of `day` at which an hourly scan starts, with quiet hours from 01:00 to 03:00. What
// is decided goes by wall times alone, as after a restart in each minute.
std::vector<int> StartsOn(std::chrono::sys_days day) {
  const auto quiet = policy::ParseQuietHours("01:00-03:00");
  std::vector<int> starts;
  TimePoint last = day - minutes(60);
  for (TimePoint now = day; now < day + std::chrono::days(1); now += minutes(1)) {
    if (DelayUntilNext(SinceLastStart(last, now), minutes(60), minutes(0), 0) > seconds(0))
      continue;
    if (std::any_of(quiet->begin(), quiet->end(),
                    [now](const policy::QuietHours& hours) { return hours.Contains(now); })) {
      continue;
    }
    last = now;
    starts.push_back(static_cast<int>((now - TimePoint(day)) / minutes(60)));
  }
  return starts;
}

TEST(ScheduleTest, DaylightSavingSkipsAndRepeatsNothing) {
  std::vector<int> expected = {0};
  for (int hour = 3; hour < 24; ++hour) expected.push_back(hour);
  const char* const before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  // As POSIX writes the rules of Berlin, which are on 2026-03-29 and 2026-10-25 at 01:00 UTC.
  ASSERT_EQ(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
  tzset();
  const std::chrono::year year(2026);
  for (const auto day : {year / 3 / 29, year / 10 / 25, year / 7 / 1}) {
    EXPECT_EQ(StartsOn(std::chrono::sys_days(day)), expected) << FormatDate(day);
  }
  before == nullptr ? unsetenv("TZ") : setenv("TZ", kept.c_str(), 1);
  tzset();
}

}  // namespace
}  // namespace postern::daemon

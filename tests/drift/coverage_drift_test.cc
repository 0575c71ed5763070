#include "drift/coverage_drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::drift {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;

// kNow is a Sunday, 00:00.
TimePoint At(Duration after) { return kNow + after; }

policy::QuietHours Quiet(int day, int first_hour, int last_hour) {
  return {(day * 24 + first_hour) * 60, (day * 24 + last_hour) * 60};
}

TEST(WatchedTimeTest, IsTheTimeInWhichAScanCouldRun) {
  const std::vector<Period> all = {{At(hours(0)), At(hours(24 * 30))}};
  const auto watched = [&](Duration from, Duration to, const std::vector<Period>& watches,
                           const std::vector<policy::QuietHours>& quiet) {
    return WatchedTime(At(from), At(to), watches, quiet);
  };
  EXPECT_EQ(watched(hours(1), hours(5), all, {}), hours(4));
  EXPECT_EQ(watched(hours(5), hours(1), all, {}), hours(0)) << "a clock that was set back";
  EXPECT_EQ(watched(hours(-5), hours(1), all, {}), hours(1)) << "the daemon did not run yet";
  EXPECT_EQ(watched(hours(0), hours(10),
                    {{At(hours(0)), At(hours(2))}, {At(hours(5)), At(hours(6))}}, {}),
            hours(3))
      << "a pause, or a daemon that was down";

  EXPECT_EQ(watched(hours(0), hours(24), all, {Quiet(6, 1, 4)}), hours(21));
  EXPECT_EQ(watched(hours(2), hours(3), all, {Quiet(6, 1, 4)}), hours(0));
  EXPECT_EQ(watched(minutes(90), minutes(270), all, {Quiet(6, 1, 4)}), minutes(30));
  EXPECT_EQ(watched(hours(0), hours(24 * 14), all, {Quiet(6, 1, 4), Quiet(6, 3, 5)}),
            hours(24 * 14 - 8))
      << "weekly, and overlaps count once";
  const policy::QuietHours over_the_weeks_end = {Quiet(6, 22, 0).begin, Quiet(0, 2, 0).begin};
  EXPECT_EQ(watched(hours(0), hours(24 * 7), all, {over_the_weeks_end}), hours(24 * 7 - 4));
}

TEST(StaleDriftTest, TwiceThePeriodAndTheJitterIsAllowed) {
  policy::ScanConfig scan;
  scan.name = "top";
  scan.every = hours(1);
  scan.jitter = minutes(5);
  scan.where = {"posternd.yaml", 12, 5};
  const auto limit = hours(2) + minutes(5);
  EXPECT_THAT(StaleDrift(std::vector<ScanAge>{{&scan, kNow, limit}}), testing::IsEmpty());

  const auto over = limit + Duration(1);
  const auto drifts = StaleDrift(std::vector<ScanAge>{{&scan, kNow, over}, {&scan, {}, over}});
  ASSERT_EQ(drifts.size(), 2U);
  EXPECT_EQ(drifts[0].severity, Severity::kCritical);
  EXPECT_EQ(drifts[0].rule, "posternd.yaml:12:5");
  EXPECT_THAT(
      (std::vector{Summary(drifts[0]), Summary(drifts[1])}),
      ElementsAre("scan top is stale: its oldest trusted observation is of "
                  "2026-03-01T00:00:00.000Z",
                  "scan top is stale: some of its endpoints were never observed by a run to "
                  "trust"));
}

TEST(StaleDriftTest, NamesWhatCouldNotBeLookedAtForTooLong) {
  policy::ScanConfig scan;
  scan.name = "top";
  scan.every = hours(1);
  ScanAge age{.scan = &scan, .oldest = kNow, .watched = minutes(1)};
  age.unseen = {"db-1 (db.example.com)", "web-1 (192.0.2.1)", "c", "d", "e", "f", "g"};
  age.unseen_since = kNow - hours(3);
  const auto drifts = StaleDrift(std::vector<ScanAge>{age});
  ASSERT_EQ(drifts.size(), 1U) << "its newest round is young";
  EXPECT_EQ(Summary(drifts[0]),
            "scan top is stale: it could not look at db-1 (db.example.com), web-1 (192.0.2.1), c, "
            "d, e and 2 more, the longest since 2026-02-28T21:00:00.000Z");
}

}  // namespace
}  // namespace postern::drift

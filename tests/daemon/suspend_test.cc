// Whole runs against this machine's loopback, with clocks that the test sets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "daemon/cycle.h"
#include "daemon/scan_loop.h"
#include "daemon/stored_test.h"
#include "daemon/test_clock.h"

namespace postern::daemon {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

constexpr char kLoopback[] = R"(version: 1
scope: {authorized_by: test, include: [127.0.0.0/8]}
viewpoints:
  public: {description: here}
hosts:
  - name: self
    addresses: [127.0.0.1]
    owner: tests
    expect: [{ports: "tcp/1-8", state: not_open}]
)";

constexpr char kHourly[] = R"(version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans: [{name: expected, stage: expected, every: 1h}]
)";

class SuspendTest : public testing::Test {
 protected:
  storage::ScanHistory History() {
    return *storage_.Run([](storage::Store& store) { return store.HistoryOf("expected"); });
  }
  std::uint64_t RunsThatCount() {
    std::uint64_t runs = 0;
    while (
        storage_
            .Run([&](storage::Store& store) { return store.ObservationsOf("expected", runs + 1); })
            ->round) {
      ++runs;
    }
    return runs;
  }
  void WaitForRuns(std::uint64_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (RunsThatCount() < count && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    ASSERT_EQ(RunsThatCount(), count);
  }

  const TemporaryFolder folder_;
  TestClock clock_{kNow};
  CurrentSetup setup_{std::make_shared<daemon::Setup>(SetupOf(kLoopback, kHourly))};
  StorageThread storage_{OpenStoreIn(folder_)};
  scanner::RateLimiter limiter_{{1000, 1000, 1000}};
  exporters::Metrics metrics_{"1"};
  Cycle cycle_{{setup_, storage_, limiter_, metrics_, clock_, NoNames, [] {}, [](bool) {}}};
  PauseSwitch pause_{clock_};
};

TEST_F(SuspendTest, ARunThatTheMachineSleptThroughIsVoid) {
  metrics_.SetScans({"expected"});
  const auto scan = setup_.Get()->config.scans.at(0);
  int readings = 0;
  clock_.OnReading([&](TimePoint& now, Duration& suspended) {
    if (++readings != 5) return;  // between two probes
    now += hours(8);
    suspended += hours(8);
  });
  ASSERT_TRUE(cycle_.Run(scan, {}));
  EXPECT_EQ(History().runs, 1U);
  EXPECT_EQ(RunsThatCount(), 0U);
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("postern_scan_failures_total{scan=\"expected\",reason=\"suspended\"} 1\n"));

  clock_.OnReading(nullptr);
  ASSERT_TRUE(cycle_.Run(scan, {}));
  EXPECT_EQ(RunsThatCount(), 1U);
}

TEST_F(SuspendTest, ManyPeriodsOfSleepAreMadeUpForOnce) {
  ScanLoop loop("expected", cycle_, setup_, storage_, pause_, clock_);
  WaitForRuns(1);
  clock_.Suspend(hours(8));
  loop.FollowSetup();  // as if the time between two looks at the clocks were over
  WaitForRuns(2);
  // Half a period later nothing is due.
  clock_.Suspend(std::chrono::minutes(30));
  loop.FollowSetup();
  clock_.Suspend(std::chrono::minutes(31));
  loop.FollowSetup();
  WaitForRuns(3);
}

TEST_F(SuspendTest, AClockThatIsSetMovesNoRun) {
  ScanLoop loop("expected", cycle_, setup_, storage_, pause_, clock_);
  WaitForRuns(1);
  for (const auto change : {hours(24 * 365), -hours(24 * 365)}) {
    clock_.Set(kNow + change);
    loop.FollowSetup();
  }
  clock_.Set(kNow);
  clock_.Suspend(hours(1));
  loop.FollowSetup();
  WaitForRuns(2);
  EXPECT_EQ(History().runs, 2U);
}

TEST_F(SuspendTest, ARunThatWasVoidIsMadeAgainAtOnce) {
  int readings = 0;
  clock_.OnReading([&](TimePoint& now, Duration& suspended) {
    if (++readings != 8) return;
    now += std::chrono::minutes(5);
    suspended += std::chrono::minutes(5);
  });
  ScanLoop loop("expected", cycle_, setup_, storage_, pause_, clock_);
  WaitForRuns(1);
  EXPECT_EQ(History().runs, 2U);
}

}  // namespace
}  // namespace postern::daemon

#include "cli/staleness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"

namespace postern::cli {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

const TimePoint kNow{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

TEST(Staleness, TellsOfScansThatHaveSeenNothingForTwoPeriods) {
  const TemporaryFolder folder;
  auto store = storage::Store::Open(folder.path() / "postern.db", storage::Access::kWrite);
  ASSERT_TRUE(store) << store.error().message;
  policy::Config config;
  policy::ScanConfig scan;
  scan.name = "top";
  scan.every = minutes(60);
  scan.jitter = minutes(5);
  scan.ports = *PortSet::Parse("tcp/22", PortSet::BarePorts::kAreAnError);
  config.scans = {scan};
  EXPECT_THAT(StaleScans(**store, config, kNow), IsEmpty()) << "nothing was ever seen";

  Snapshot snapshot;
  snapshot.run.scan = "top";
  snapshot.run.started = snapshot.run.finished = kNow;
  snapshot.coverage.complete = true;
  snapshot.run.id = *(*store)->BeginRun(snapshot.run);
  ASSERT_TRUE((*store)->Commit({.snapshot = &snapshot}));
  EXPECT_THAT(StaleScans(**store, config, kNow + minutes(125)), IsEmpty());
  EXPECT_THAT(StaleScans(**store, config, kNow + minutes(126)),
              ElementsAre("scan 'top' is due every 1h, and what it rests on is of "
                          "2026-03-01T00:00:00.000Z: this was last seen, and may not be so now; "
                          "`postern status` tells whether the daemon runs"));
}

}  // namespace
}  // namespace postern::cli

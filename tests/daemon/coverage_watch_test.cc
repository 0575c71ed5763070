#include "daemon/coverage_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/stored_test.h"

namespace postern::daemon {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kSchedule[] = R"(version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans:
  - {name: top, stage: top, every: 1h, jitter: 10m}
  - {name: full, stage: full, ports: "tcp/1-1000", every: 1h}
)";

// Minutes of a daemon's life: what it looks at, and what it says of it.
class CoverageWatchTest : public StoredTest {
 protected:
  void Run(const std::string& scan, bool blind = false) {
    Snapshot snapshot;
    snapshot.run.scan = scan;
    snapshot.run.viewpoint = "public";
    snapshot.run.started = now_;
    snapshot.run.finished = now_;
    snapshot.run.id = *store_->BeginRun(snapshot.run);
    snapshot.coverage.complete = true;
    snapshot.coverage.blind = {blind, false};
    ASSERT_TRUE(store_->Commit({.snapshot = &snapshot}));
  }

  // A run of `top` that could not look at `unseen`.
  void RunWithout(std::vector<storage::Unseen> unseen) {
    Snapshot snapshot;
    snapshot.run.scan = "top";
    snapshot.run.viewpoint = "public";
    snapshot.run.started = now_;
    snapshot.run.finished = now_;
    snapshot.run.id = *store_->BeginRun(snapshot.run);
    AddressStates states{Address("192.0.2.1"), {}};
    states.of(Protocol::kTcp).Append({22, 22}, {PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}});
    snapshot.addresses.push_back(std::move(states));
    storage::Changes changes;
    changes.snapshot = &snapshot;
    changes.unseen.emplace();
    changes.unseen->list = std::move(unseen);
    ASSERT_TRUE(store_->Commit(changes));
  }

  // A look a minute; returns what was told meanwhile: "12 full opened".
  std::vector<std::string> Watch(Duration duration) {
    std::vector<std::string> told;
    const auto begin = now_;
    while (now_ - begin < duration) {
      now_ += minutes(1);
      const auto watching = store_->Watch(TermsOf(setup_.config), now_);
      EXPECT_TRUE(watching);
      const auto judged = JudgeAges(*store_, setup_, *watching, now_);
      EXPECT_TRUE(judged);
      for (const auto& transition : judged->transitions) {
        const auto finding = **store_->FindFinding(transition.finding_id);
        const auto after = std::chrono::floor<minutes>(now_ - begin).count();
        told.push_back(std::to_string(after) + " " + finding.drift.subject + " " +
                       std::string(ToString(transition.kind)));
      }
    }
    return told;
  }

  daemon::Setup setup_ = SetupOf(kTwoHosts, kSchedule);
};

TEST_F(CoverageWatchTest, AScanThatNeverSucceedsIsStaleAfterTwiceItsPeriod) {
  // A minute until the first look begins the watch, and one more for the second look.
  EXPECT_THAT(Watch(hours(3)), ElementsAre("123 full opened", "133 top opened"));
  Run("top");
  EXPECT_THAT(Watch(minutes(10)), ElementsAre("2 top resolved"));
}

TEST_F(CoverageWatchTest, ASweepRestsOnItsWholeRound) {
  Watch(minutes(1));
  for (int slice = 0; slice < 12; ++slice) {
    Run("full");
    Run("top");
    EXPECT_THAT(Watch(minutes(15)), IsEmpty());
  }
  // Of the four slices of a round the oldest is an hour old already; without news it is stale an
  // hour later.
  EXPECT_THAT(Watch(hours(3)), ElementsAre("62 full opened", "117 top opened"));
  Run("full");
  EXPECT_THAT(Watch(minutes(1)), IsEmpty()) << "one slice is not a round";
}

TEST_F(CoverageWatchTest, AnEndpointThatStaysUnknownMakesItsScanStale) {
  setup_ = SetupOf(kTwoHosts, R"(version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans:
  - {name: top, stage: top, every: 1h}
)");
  Watch(minutes(1));
  RunWithout({});
  Watch(hours(1));
  const storage::Unseen web{"192.0.2.1", "web-1",
                            *PortSet::Parse("tcp/22", PortSet::BarePorts::kAreAnError)};
  RunWithout({web});
  EXPECT_THAT(Watch(hours(1)), IsEmpty());
  RunWithout({web});
  EXPECT_THAT(Watch(hours(1)), ElementsAre("2 top opened")) << "though runs come every hour";
  const auto findings = *store_->Findings();
  EXPECT_NE(Summary(findings.at(0).drift).find("it could not look at web-1 (192.0.2.1)"),
            std::string::npos)
      << Summary(findings.at(0).drift);
  RunWithout({});
  EXPECT_THAT(Watch(minutes(10)), ElementsAre("2 top resolved"));
}

TEST_F(CoverageWatchTest, ABlindRunIsNoObservation) {
  Watch(minutes(1));
  Run("full");
  for (int hour = 0; hour < 2; ++hour) {
    Run("top", /*blind=*/true);
    Watch(hours(1));
  }
  Run("top", /*blind=*/true);
  EXPECT_THAT(Watch(minutes(20)), testing::Contains("12 top opened"));
}

TEST_F(CoverageWatchTest, ADayDownIsNoDayWatched) {
  Watch(minutes(1));
  for (int slice = 0; slice < 4; ++slice) {
    Run("full");
    Run("top");
    Watch(minutes(15));
  }
  now_ += hours(24);
  // The run that makes up for it takes half an hour; the sweep goes on slice by slice.
  EXPECT_THAT(Watch(minutes(30)), IsEmpty());
  Run("top");
  for (int slice = 0; slice < 6; ++slice) {
    EXPECT_THAT(Watch(minutes(15)), IsEmpty());
    Run("full");
    Run("top");
  }
}

TEST_F(CoverageWatchTest, QuietHoursDoNotAge) {
  setup_ = SetupOf(kTwoHosts,
                   std::string(kSchedule) + "limits: {quiet_hours: [\"Sun 00:30-Sun 08:30\"]}\n");
  EXPECT_THAT(Watch(hours(10)), IsEmpty());
  EXPECT_THAT(Watch(hours(1)), ElementsAre("3 full opened", "13 top opened"));
}

TEST_F(CoverageWatchTest, AShorterPeriodCountsFromTheEdit) {
  Watch(minutes(1));
  Run("full");
  Run("top");
  Watch(minutes(59));
  std::string often = kSchedule;
  often.replace(often.find("every: 1h, jitter: 10m"), 22, "every: 5m");
  setup_ = SetupOf(kTwoHosts, often);
  EXPECT_THAT(Watch(minutes(11)), IsEmpty());
  EXPECT_THAT(Watch(minutes(2)), ElementsAre("2 top opened"));
}

TEST_F(CoverageWatchTest, AScanThatIsConfiguredNoMoreIsWithdrawn) {
  Watch(hours(3));
  setup_.config.scans.pop_back();
  EXPECT_THAT(Watch(minutes(5)), ElementsAre("1 full resolved"));
}

TEST_F(CoverageWatchTest, TouchesNoOtherFinding) {
  Finding finding;
  finding.viewpoint = "public";
  finding.drift.subject = "192.0.2.99";
  finding.id = FindingId("public", finding.drift);
  finding.state = FindingState::kOpen;
  ASSERT_TRUE(store_->Commit({.findings = std::vector{finding}}));
  Watch(minutes(5));
  EXPECT_EQ(**store_->FindFinding(finding.id), finding);
}

}  // namespace
}  // namespace postern::daemon

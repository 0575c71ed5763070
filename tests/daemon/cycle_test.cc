// Whole runs against this machine's loopback.
#include "daemon/cycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/stored_test.h"
#include "daemon/test_clock.h"

namespace postern::daemon {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Nothing listens on these ports.
constexpr char kMissing[] = R"(version: 1
scope: {authorized_by: test, include: [127.0.0.0/8]}
viewpoints:
  public: {description: here}
hosts:
  - name: self
    addresses: [127.0.0.1]
    owner: tests
    expect: [{ports: "tcp/1", state: open}]
)";

constexpr char kEachRunDecides[] = R"(version: 1
viewpoint: public
policy: policy.yaml
storage: sqlite:postern.db
scans:
  - {name: expected, stage: expected, every: 1h}
  - {name: top, stage: top, ports: "tcp/1-10", every: 1h}
canaries: [{address: 127.0.0.2, port: tcp/2, state: closed}]
receivers: [{name: soc, webhook: {url: "http://127.0.0.1:1"}}]
confirm: {open: {methods: 1}, gone: {runs: 1}, resolve_after: 1}
)";

constexpr std::string_view kOneIsMissing =
    "postern_findings{kind=\"missing\",severity=\"warning\",state=\"open\"} 1\n";

std::string Endpoints(const std::string& state, int count) {
  return "postern_endpoints{family=\"ipv4\",protocol=\"tcp\",state=\"" + state + "\"} " +
         std::to_string(count) + "\n";
}

class CycleTest : public testing::Test {
 protected:
  Result<void> Run(const std::stop_token& stop = {}) {
    return cycle_.Run(setup_.Get()->config.scans.at(0), stop);
  }

  const TemporaryFolder folder_;
  TestClock clock_{kNow};
  CurrentSetup setup_{std::make_shared<daemon::Setup>(SetupOf(kMissing, kEachRunDecides))};
  StorageThread storage_{OpenStoreIn(folder_)};
  scanner::RateLimiter limiter_{{1000, 1000, 1000}};
  exporters::Metrics metrics_{"1"};
  std::vector<std::string> woken_;  // the metrics at each
  Cycle cycle_{{setup_, storage_, limiter_, metrics_, clock_, NoNames,
                [this] { woken_.push_back(metrics_.Render()); }, [](bool) {}}};
};

TEST_F(CycleTest, ReceiversAreWokenByNewsAloneAndAfterTheMetrics) {
  ASSERT_TRUE(Run());
  ASSERT_EQ(woken_.size(), 1U);
  EXPECT_THAT(woken_.front(), HasSubstr(kOneIsMissing));
  ASSERT_TRUE(Run());
  EXPECT_EQ(woken_.size(), 1U);
}

TEST_F(CycleTest, WhatIsCommittedNextFindsTheMetricsOfWhatWasCommittedBefore) {
  Judged judged;
  judged.findings.resize(1);
  judged.findings[0].drift.kind = DriftKind::kMissing;
  judged.findings[0].drift.severity = Severity::kWarning;
  judged.findings[0].state = FindingState::kOpen;
  std::string next;
  ASSERT_TRUE(cycle_.Judge(*setup_.Get(), [&](storage::Store&) -> Result<Judged> {
    storage_.Post([&](storage::Store&) { next = metrics_.Render(); });
    return judged;
  }));
  storage_.Run([](storage::Store&) { return true; });
  EXPECT_THAT(next, HasSubstr(kOneIsMissing));
}

TEST_F(CycleTest, WhatWaitsIsCountedWhateverItsReceiverDoes) {
  metrics_.SetReceivers({"soc"});
  ASSERT_TRUE(Run());
  EXPECT_THAT(metrics_.Render(), HasSubstr("postern_outbox_pending{receiver=\"soc\"} 1\n"));
  EXPECT_THAT(metrics_.Render(),
              Not(HasSubstr("postern_outbox_oldest_timestamp_seconds{receiver=\"soc\"} 0\n")));
}

TEST_F(CycleTest, EndpointsThatNoRunHasSeenYetAreUnknown) {
  ASSERT_TRUE(Run());
  EXPECT_THAT(metrics_.Render(),
              AllOf(HasSubstr(Endpoints("closed", 1)), HasSubstr(Endpoints("unknown", 9))));
}

TEST_F(CycleTest, ConfirmationsAndCanariesCountAsProbes) {
  ASSERT_TRUE(Run());  // the canary, tcp/1, once more for evidence, and the canary
  EXPECT_THAT(metrics_.Render(), HasSubstr("probes_sent_total{protocol=\"tcp\"} 4\n"));
}

TEST_F(CycleTest, TheProbesOfARunThatIsVoidWereSent) {
  clock_.OnReading([readings = 0](TimePoint&, Duration& suspended) mutable {
    if (++readings == 5) suspended += std::chrono::hours(8);
  });
  ASSERT_TRUE(Run());
  EXPECT_THAT(metrics_.Render(), Not(HasSubstr("probes_sent_total{protocol=\"tcp\"} 0\n")));
}

}  // namespace
}  // namespace postern::daemon

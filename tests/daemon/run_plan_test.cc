#include "daemon/run_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

using testing::ElementsAre;
using testing::Pair;

// The ports that the plan asks of each address.
std::map<std::string, std::string> Asked(const RunPlan& plan) {
  std::map<std::string, PortSet> ports;
  for (std::uint64_t i = 0; i < plan.endpoints.size(); ++i) {
    const auto endpoint = plan.endpoints.At(i);
    ports[endpoint.address.ToString()].Add(endpoint.protocol, {endpoint.port, endpoint.port});
  }
  std::map<std::string, std::string> texts;
  for (const auto& [address, set] : ports) texts[address] = set.ToString();
  return texts;
}

class RunPlanTest : public testing::Test {
 protected:
  RunPlan Plan(const policy::ScanConfig& scan, const std::vector<Finding>& findings = {},
               const std::optional<storage::SweepCursor>& cursor = std::nullopt) {
    return PlanRun(*policy_, "public", scan, targets_.list, findings, cursor, kNow,
                   std::chrono::hours(24));
  }

  static policy::ScanConfig Scan(Stage stage, std::string_view ports, Duration every) {
    policy::ScanConfig scan;
    scan.name = "scan";
    scan.stage = stage;
    scan.every = every;
    if (!ports.empty()) scan.ports = Ports(ports);
    return scan;
  }

  std::shared_ptr<const policy::Policy> policy_ = PolicyOf(kTwoHosts);
  Targets targets_ = FindTargets(*policy_, "public", NoNames);
};

TEST_F(RunPlanTest, ExpectedAsksWhatThePolicyNamesAndWhatIsUnresolved) {
  Finding finding;
  finding.viewpoint = "public";
  finding.state = FindingState::kOpen;
  finding.drift.subject = "192.0.2.2";
  finding.drift.port = 6379;
  finding.drift.ports = Ports("tcp/6379");
  Finding resolved = finding;
  resolved.state = FindingState::kResolved;
  resolved.drift.ports = Ports("tcp/23");
  Finding of_ranges = finding;
  of_ranges.drift.port = 0;
  of_ranges.drift.kind = DriftKind::kWrongState;
  of_ranges.drift.ports = Ports("tcp/1-65535");

  EXPECT_THAT(Asked(Plan(Scan(Stage::kExpected, "", std::chrono::minutes(1)),
                         {finding, resolved, of_ranges})),
              ElementsAre(Pair("192.0.2.1", "tcp/443,9100"), Pair("192.0.2.2", "tcp/6379"),
                          Pair("2001:db8::1", "tcp/443,9100")));
}

TEST_F(RunPlanTest, PortsOfPrintersAreAskedLikeOthers) {
  EXPECT_THAT(Asked(Plan(Scan(Stage::kTop, "tcp/9090-9110", std::chrono::hours(1)))),
              ElementsAre(Pair("192.0.2.1", "tcp/9090-9110"), Pair("192.0.2.2", "tcp/9090-9110"),
                          Pair("2001:db8::1", "tcp/9090-9110")));
}

TEST_F(RunPlanTest, ASweepAsksEveryPortOnceARound) {
  const auto scan = Scan(Stage::kFull, "tcp/1-1000", std::chrono::hours(1));
  EXPECT_EQ(RunsPerRound(scan), 4U);
  EXPECT_EQ(RunInterval(scan), std::chrono::minutes(15));
  PortSet seen;
  std::optional<storage::SweepCursor> cursor;
  for (int slice = 0; slice < 4; ++slice) {
    const auto plan = Plan(scan, {}, cursor);
    const auto asked = Ports(Asked(plan).at("192.0.2.2"));
    EXPECT_FALSE(seen.Intersects(asked));
    EXPECT_EQ(plan.spread, std::chrono::minutes(12)) << "in eight tenths of a slice";
    seen.Add(asked);
    cursor = plan.next_cursor;
  }
  EXPECT_EQ(seen, Ports("tcp/1-1000"));
  EXPECT_EQ(cursor->position, 0U) << "the next round begins";
}

TEST_F(RunPlanTest, ASweepOfOtherPortsBeginsAnew) {
  const storage::SweepCursor elsewhere{"tcp/1-65535", 30000, kNow};
  const auto plan = Plan(Scan(Stage::kFull, "tcp/1-1000", std::chrono::hours(1)), {}, elsewhere);
  EXPECT_EQ(Asked(plan).at("192.0.2.2"), "tcp/1-250");
}

TEST_F(RunPlanTest, AShortSweepIsOneSlice) {
  const auto scan = Scan(Stage::kFull, "tcp/1-5", std::chrono::minutes(10));
  EXPECT_EQ(RunsPerRound(scan), 1U);
  EXPECT_EQ(RunInterval(scan), std::chrono::minutes(10));
}

TEST_F(RunPlanTest, WhatSlowHostsLeftUnknownIsAskedApart) {
  Snapshot snapshot;
  for (const char* address : {"192.0.2.1", "192.0.2.2"}) {
    snapshot.addresses.push_back({Address(address), {}});
    auto& tcp = snapshot.addresses.back().of(Protocol::kTcp);
    tcp.Append({22, 22}, {PortState::kClosed, {Reason::Kind::kReset}});
    tcp.Append({23, 25}, {});
    snapshot.addresses.back().of(Protocol::kUdp).Append({53, 53}, {});
  }
  snapshot.coverage.slow_hosts = {Address("192.0.2.2"), Address("192.0.2.9")};
  RunPlan rest;
  rest.endpoints = PlanRestOfSlowHosts(snapshot);
  EXPECT_THAT(Asked(rest), ElementsAre(Pair("192.0.2.2", "tcp/23-25,udp/53")));
}

TEST_F(RunPlanTest, AComparisonAsksThePolicysPortsToo) {
  const auto plan = PlanComparison(*policy_, "public", Ports("tcp/22"), targets_.list);
  std::set<std::string> asked;
  for (std::uint64_t i = 0; i < plan.size(); ++i) asked.insert(ToString(plan.At(i)));
  EXPECT_THAT(asked, ElementsAre("192.0.2.1 tcp/22", "192.0.2.1 tcp/443", "192.0.2.1 tcp/9100",
                                 "192.0.2.2 tcp/22", "2001:db8::1 tcp/22", "2001:db8::1 tcp/443",
                                 "2001:db8::1 tcp/9100"));
}

}  // namespace
}  // namespace postern::daemon

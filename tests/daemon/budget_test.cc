#include "daemon/budget.h"

#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

class BudgetTest : public testing::Test {
 protected:
  BudgetTest() {
    setup_.config.limits.rate = 1000;
    setup_.config.limits.host_rate = 100;
    setup_.config.limits.network_rate = 1000;
  }

  Budget Of(const Knowledge& knowledge = {}) const {
    return BudgetOf(setup_.config, *setup_.policy, FindTargets(*setup_.policy, "public", NoNames),
                    knowledge);
  }
  ScanBudget Full(const Knowledge& knowledge = {}) const { return Of(knowledge).scans.at(1); }

  // All ports of all targets in one state.
  static Knowledge AllAre(PortState state, Reason reason) {
    Knowledge knowledge;
    for (const char* address : {"192.0.2.1", "192.0.2.2", "2001:db8::1"}) {
      knowledge.states.push_back({Address(address), {}});
      knowledge.states.back().of(Protocol::kTcp).Append({1, 65535}, {state, reason});
    }
    return knowledge;
  }

  daemon::Setup setup_ = SetupOf(kTwoHosts, kConfig);
};

TEST_F(BudgetTest, CountsEndpointsProbesAndTimeByTheTightestCap) {
  const auto scans = Of().scans;
  ASSERT_EQ(scans.size(), 2U);
  EXPECT_EQ(scans[0].scan, "expected");
  EXPECT_EQ(scans[0].endpoints, 4U);
  EXPECT_EQ(scans[1].scan, "full");
  EXPECT_EQ(scans[1].endpoints, 3000U) << "three addresses, a whole round";
  EXPECT_DOUBLE_EQ(scans[1].shortest_seconds, 10) << "1,000 ports of one host at 100 a second";
  EXPECT_DOUBLE_EQ(scans[1].longest_seconds, 40 + 4 * 4) << "four slices wait for silence";
  EXPECT_DOUBLE_EQ(scans[1].oldest_seconds, 3600 + 900);
  EXPECT_TRUE(scans[1].Fits());
}

// The worst decides where nothing is known, and what was seen where something is.
TEST_F(BudgetTest, APortCostsWhatItCostWhenItWasLastSeen) {
  setup_.config.scans.at(1).every = std::chrono::seconds(30);
  EXPECT_EQ(Full().last_seen, (PortsLastSeen{0, 0, 3000}));
  EXPECT_EQ(Full().expected_probes, 12'000U);
  EXPECT_FALSE(Full().Fits()) << "40 s, and 4 s of waiting";

  const auto closed = Full(AllAre(PortState::kClosed, {Reason::Kind::kReset}));
  EXPECT_EQ(closed.last_seen, (PortsLastSeen{3000, 0, 0}));
  EXPECT_DOUBLE_EQ(closed.expected_seconds, 10);
  EXPECT_TRUE(closed.Fits());

  const auto silent = Full(AllAre(PortState::kFiltered, {Reason::Kind::kNoResponse}));
  EXPECT_EQ(silent.last_seen, (PortsLastSeen{0, 3000, 0}));
  EXPECT_DOUBLE_EQ(silent.expected_seconds, 44);
  EXPECT_FALSE(silent.Fits());

  const auto rejected = Full(AllAre(PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}));
  EXPECT_EQ(rejected.expected_probes, 3000U) << "a rejection is an answer";
}

TEST_F(BudgetTest, LossAddsTries) {
  auto knowledge = AllAre(PortState::kFiltered, {Reason::Kind::kNoResponse});
  knowledge.loss["full"] = 0.05;
  EXPECT_EQ(Full(knowledge).expected_probes, 3000U * 6) << "5 tries: 3000 x 0.05^5 < 1e-3";
}

TEST_F(BudgetTest, WhatDoesNotFitIsToldWithValuesThatWould) {
  setup_.config.scans.at(1).every = std::chrono::seconds(30);
  const auto values = Full().would_fit;
  ASSERT_EQ(values.caps.size(), 1U);
  EXPECT_EQ(values.caps[0].first, "host_rate");

  setup_.config.limits.host_rate = values.caps[0].second;
  EXPECT_TRUE(Full().Fits());
  setup_.config.limits.host_rate = 100;
  setup_.config.scans.at(1).every = values.every;
  EXPECT_TRUE(Full().Fits());
}

TEST_F(BudgetTest, AHostTellsOfOneClosedUdpPortASecond) {
  auto& full = setup_.config.scans.at(1);
  full.ports = Ports("udp/1-1000");
  full.every = std::chrono::minutes(10);
  const auto budget = Full();
  EXPECT_DOUBLE_EQ(budget.expected_seconds, 1020 + 4);
  EXPECT_FALSE(budget.Fits());
  EXPECT_TRUE(budget.would_fit.caps.empty()) << "no cap makes it faster";
  full.every = budget.would_fit.every;
  EXPECT_TRUE(Full().Fits());
}

TEST_F(BudgetTest, TogetherTheBusiestHostCounts) {
  setup_.config.scans.at(1).every = std::chrono::seconds(100);
  const auto together = Of().together;
  EXPECT_NEAR(together.host_rate, 4000 / 100.0 + 8 / 60.0, 1e-9) << "two named ports a minute";
  EXPECT_NEAR(together.network_rate, 8000 / 100.0 + 8 / 60.0, 1e-9);
  EXPECT_NEAR(together.rate, 12'000 / 100.0 + 16 / 60.0, 1e-9);
}

TEST_F(BudgetTest, CountsASweepByAddresses) {
  const std::string networks = R"(networks:
  - {cidr: 192.0.2.0/25, owner: network}
  - {cidr: "2001:db8::/64", owner: network, on_link: true}
)";
  auto setup =
      SetupOf(kTwoHosts + networks,
              std::string(kConfig).replace(std::string(kConfig).find("receivers"), 0,
                                           "  - {name: sweep, stage: discover, every: 6h}\n"));
  setup.config.limits.network_rate = 250;
  const auto sweep =
      BudgetOf(setup.config, *setup.policy, FindTargets(*setup.policy, "public", NoNames), {})
          .scans.at(2);
  EXPECT_EQ(sweep.addresses, 125U) << "without two named hosts and an excluded one";
  EXPECT_EQ(sweep.links, 1U);
  EXPECT_EQ(sweep.fewest_probes, 125U + 3);
  EXPECT_EQ(sweep.most_probes, 125U * 12 + 3) << "three tries of four kinds";
  EXPECT_EQ(sweep.ports_of_unlisted, 1000U);
  EXPECT_DOUBLE_EQ(sweep.shortest_seconds, 0.5);
  EXPECT_DOUBLE_EQ(sweep.longest_seconds, 6);
}

}  // namespace
}  // namespace postern::daemon

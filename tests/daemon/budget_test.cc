#include "daemon/budget.h"

#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

TEST(BudgetTest, CountsEndpointsProbesAndTimeByTheTightestCap) {
  auto setup = SetupOf(kTwoHosts, kConfig);
  setup.config.limits.rate = 1000;
  setup.config.limits.host_rate = 100;
  setup.config.limits.network_rate = 1000;
  const auto budgets =
      BudgetOf(setup.config, *setup.policy, FindTargets(*setup.policy, "public", NoNames));
  ASSERT_EQ(budgets.size(), 2U);
  EXPECT_EQ(budgets[0].scan, "expected");
  EXPECT_EQ(budgets[0].endpoints, 4U);
  EXPECT_EQ(budgets[1].scan, "full");
  EXPECT_EQ(budgets[1].endpoints, 3000U) << "three addresses, a whole round";
  EXPECT_DOUBLE_EQ(budgets[1].shortest_seconds, 10) << "1,000 ports of one host at 100 a second";
  EXPECT_DOUBLE_EQ(budgets[1].longest_seconds, 40);
  EXPECT_DOUBLE_EQ(budgets[1].oldest_seconds, 3600 + 900);
  EXPECT_TRUE(budgets[1].Fits());

  setup.config.limits.host_rate = 1;
  const auto slow =
      BudgetOf(setup.config, *setup.policy, FindTargets(*setup.policy, "public", NoNames));
  EXPECT_FALSE(slow[1].Fits());
}

TEST(BudgetTest, CountsASweepByAddresses) {
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
      BudgetOf(setup.config, *setup.policy, FindTargets(*setup.policy, "public", NoNames)).at(2);
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

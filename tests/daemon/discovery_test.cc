#include "daemon/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

using testing::ElementsAre;

constexpr char kPolicy[] = R"(version: 1
scope:
  authorized_by: test
  include: [192.0.2.0/24, "2001:db8::/32"]
  exclude: [192.0.2.128/26, 192.0.2.7, "2001:db8:1::5"]
viewpoints:
  public: {description: all}
  inner: {description: less, include: [192.0.2.0/28], exclude: [192.0.2.0/29]}
networks:
  - {cidr: 192.0.2.0/24, owner: network}
  - {cidr: 192.0.2.64/28, owner: lab, unlisted_hosts: ignore}
hosts:
  - {name: a, addresses: [192.0.2.1], owner: x}
  - {name: b, dns: [b.example.com], owner: x}
)";

// With networks that are too large to sweep.
policy::Policy Policy() {
  auto policy = *PolicyOf(kPolicy);
  for (const char* range : {"2001:db8::/64", "2001:db8:1::/64"}) {
    policy.networks.push_back({*Prefix::Parse(range), "network", true, {}});
  }
  return policy;
}

std::vector<std::string> Ranges(const scanner::DiscoverRequest& request) {
  std::vector<std::string> ranges;
  for (const auto& range : request.ranges) {
    ranges.push_back(range.ToString() + (request.may_multicast(range) ? "" : " not as a whole"));
  }
  return ranges;
}

TEST(DiscoveryTest, AsksForWhatTheViewpointMayProbe) {
  const auto policy = Policy();
  EXPECT_THAT(Ranges(DiscoveryOf(policy, "public")),
              ElementsAre("192.0.2.0/30", "192.0.2.4/31", "192.0.2.6/32", "192.0.2.8/29",
                          "192.0.2.16/28", "192.0.2.32/27", "192.0.2.64/26", "192.0.2.192/26",
                          "2001:db8::/64", "2001:db8:1::/64 not as a whole"));
  EXPECT_THAT(Ranges(DiscoveryOf(policy, "inner")), ElementsAre("192.0.2.8/29"));
}

TEST(DiscoveryTest, UnlistedIsWhatNoHostOfThePolicyIs) {
  const auto policy = Policy();
  const auto targets = FindTargets(policy, "public", [](const std::vector<std::string>&) {
    return std::vector<scanner::Resolved>{{"b.example.com", {Address("192.0.2.2")}, ""}};
  });
  std::vector<scanner::UpHost> up;
  for (const char* address :
       {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.65", "203.0.113.1", "2001:db8::9"}) {
    scanner::UpHost host;
    host.address = Address(address);
    up.push_back(host);
  }
  std::vector<std::string> found;
  for (const auto& unlisted : FindUnlisted(policy, targets, up)) {
    found.push_back(unlisted.host.address.ToString() + " in " + unlisted.network->cidr.ToString());
  }
  EXPECT_THAT(found, ElementsAre("192.0.2.3 in 192.0.2.0/24", "2001:db8::9 in 2001:db8::/64"));
}

}  // namespace
}  // namespace postern::daemon

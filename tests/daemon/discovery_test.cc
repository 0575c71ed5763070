#include "daemon/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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
  - {cidr: "2001:db8::/64", owner: network, on_link: true}
  - {cidr: "2001:db8:1::/64", owner: network, on_link: true}
  - {cidr: "2001:db8::ff00/120", owner: network}
hosts:
  - {name: a, addresses: [192.0.2.1, "2001:db8::2"], owner: x}
  - {name: b, dns: [b.example.com], owner: x}
)";

std::vector<std::string> Texts(const std::vector<Prefix>& ranges) {
  std::vector<std::string> texts;
  for (const auto& range : ranges) texts.push_back(range.ToString());
  return texts;
}

Finding Unlisted(const char* address, FindingState state) {
  Finding finding;
  finding.drift.kind = DriftKind::kUnlistedHost;
  finding.drift.address = Address(address);
  finding.state = state;
  return finding;
}

TEST(DiscoveryTest, AsksForWhatTheViewpointMayProbeAndNoEntryNames) {
  const auto policy = PolicyOf(kPolicy);
  const std::set<IpAddress> listed = {Address("192.0.2.1"), Address("192.0.2.200")};
  const auto request = DiscoveryOf(*policy, "public", listed, {});
  EXPECT_THAT(
      Texts(request.ranges),
      ElementsAre("192.0.2.0/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32", "192.0.2.8/29",
                  "192.0.2.16/28", "192.0.2.32/27", "192.0.2.80/28", "192.0.2.96/27",
                  "192.0.2.192/29", "192.0.2.201/32", "192.0.2.202/31", "192.0.2.204/30",
                  "192.0.2.208/28", "192.0.2.224/27", "2001:db8::ff00/120"));
  EXPECT_THAT(Texts(request.links), ElementsAre("2001:db8::/64", "2001:db8:1::/64"));

  const auto inner = DiscoveryOf(*policy, "inner", {}, {});
  EXPECT_THAT(Texts(inner.ranges), ElementsAre("192.0.2.8/29"));
  EXPECT_THAT(inner.links, IsEmpty());
}

TEST(DiscoveryTest, AsksOnLinksWhoWasThereButNobodyThatAnEntryNames) {
  const auto policy = PolicyOf(kPolicy);
  const std::vector<Finding> findings = {Unlisted("2001:db8::7", FindingState::kPending),
                                         Unlisted("2001:db8::8", FindingState::kResolved)};
  const std::set<IpAddress> listed = {Address("2001:db8::5")};
  const auto request = DiscoveryOf(*policy, "public", listed, findings);
  EXPECT_THAT(request.known, ElementsAre(Address("2001:db8::7")));
  EXPECT_TRUE(request.wanted(Address("2001:db8::9")));
  EXPECT_FALSE(request.wanted(Address("2001:db8::5"))) << "a name led there";
  EXPECT_FALSE(request.wanted(Address("2001:db8::2"))) << "host a lists it";
  EXPECT_FALSE(request.wanted(Address("2001:db8:1::5"))) << "out of the scope";
  EXPECT_FALSE(request.wanted(Address("2001:db8::ff01"))) << "of a network that is swept";
}

TEST(DiscoveryTest, WitnessesAreAFewOpenEndpointsOfEachFamily) {
  std::vector<AddressStates> known;
  for (const char* address : {"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4",
                              "203.0.113.5", "203.0.113.6", "127.0.0.1", "2001:db8::1"}) {
    AddressStates last;
    last.address = Address(address);
    last.of(Protocol::kTcp).Append({22, 22}, {PortState::kClosed, {}});
    const bool silent = known.empty();
    if (!silent) last.of(Protocol::kTcp).Append({80, 90}, {PortState::kOpen, {}});
    known.push_back(last);
  }
  const auto plan = WitnessesOf(known);
  std::vector<std::string> endpoints;
  for (std::uint64_t i = 0; i < plan.size(); ++i) endpoints.push_back(ToString(plan.At(i)));
  EXPECT_THAT(endpoints,
              ElementsAre("203.0.113.2 tcp/80", "203.0.113.3 tcp/80", "203.0.113.4 tcp/80",
                          "203.0.113.5 tcp/80", "2001:db8::1 tcp/80"));
}

}  // namespace
}  // namespace postern::daemon

#include "drift/all_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift/drift_fixture.h"
#include "drift/policy_drift.h"

namespace postern::drift {
namespace {

using policy::ExpectedState;
using testing::ElementsAre;
using testing::SizeIs;

constexpr std::string_view kSecret = "of this test";
constexpr auto kOpen = PortState::kOpen;

// Ports 1-20 open, and `answering` of the random ones.
AddressStates Twenty(std::size_t answering) {
  const auto random = RandomPortsOf(Address("192.0.2.1"), kSecret);
  Sight sight = {{{1, 20}, kOpen}};
  for (std::size_t i = 0; i < random.size(); ++i) {
    sight.emplace_back(Port(random.At(i).port), i < answering ? kOpen : PortState::kClosed);
  }
  return States("192.0.2.1", sight);
}

std::vector<std::string> DriftsOf(const AddressStates& seen) {
  const auto policy = OneHost({}, ExpectedState::kNotOpen);
  const std::vector judged = {
      Judge(policy.hosts.front(), "192.0.2.1", AddressStates{seen.address, {}}, &seen)};
  return Brief(PolicyDrift(policy, "public", judged, kNow, kSecret));
}

TEST(AllPortsTest, EveryAddressHasEightPortsOfItsOwnThatStay) {
  const auto ports = RandomPortsOf(Address("192.0.2.1"), kSecret);
  EXPECT_EQ(ports, RandomPortsOf(Address("192.0.2.1"), kSecret));
  EXPECT_NE(ports, RandomPortsOf(Address("192.0.2.1"), "of another store"));
  EXPECT_EQ(ports.size(), 8U);
  EXPECT_NE(ports, RandomPortsOf(Address("192.0.2.2"), kSecret));
  EXPECT_EQ(ports.ranges(Protocol::kUdp).size(), 0U);
}

TEST(AllPortsTest, AHostThatIsOpenOnRandomPortsIsOneDrift) {
  const auto random = RandomPortsOf(Address("192.0.2.1"), kSecret).ToString().substr(4);
  EXPECT_THAT(DriftsOf(Twenty(8)),
              ElementsAre("all_ports_open warning 192.0.2.1 tcp/1-20," + random));
  EXPECT_THAT(DriftsOf(Twenty(7)), SizeIs(27)) << "one that refuses: they are services";
}

TEST(AllPortsTest, OpenOnThePortsOfAnotherSecretHidesNothing) {
  const auto others = RandomPortsOf(Address("192.0.2.1"), "of another store");
  Sight sight = {{{1, 20}, kOpen}};
  for (std::size_t i = 0; i < others.size(); ++i)
    sight.emplace_back(Port(others.At(i).port), kOpen);
  EXPECT_THAT(DriftsOf(States("192.0.2.1", sight)), SizeIs(28));
}

TEST(AllPortsTest, ItIsAsSevereAsTheWorstOfThoseThatItReplacesAndNamesTheSensitiveOnes) {
  const auto seen = States("192.0.2.1", {{{6370, 6640}, kOpen}});
  const auto policy = OneHost({}, ExpectedState::kNotOpen);
  const std::vector judged = {
      Judge(policy.hosts.front(), "192.0.2.1", AddressStates{seen.address, {}}, &seen)};
  const auto drifts = PolicyDrift(policy, "public", judged, kNow, kSecret);
  ASSERT_THAT(Brief(drifts), ElementsAre("all_ports_open critical 192.0.2.1 tcp/6370-6640"));
  EXPECT_EQ(drifts.front().detail, "sensitive ports among them: tcp/6379-6380,6443");
  EXPECT_THAT(Summary(drifts.front()), testing::EndsWith(drifts.front().detail));
}

TEST(AllPortsTest, ItIsAsSevereAsTheRuleSaysThatAllOfThemBreak) {
  auto rule = Rule("tcp/20000-21000", ExpectedState::kClosed);
  rule.severity = Severity::kInfo;
  const auto policy = OneHost({rule}, ExpectedState::kNotOpen);
  const auto seen = States("192.0.2.1", {{{20000, 21000}, kOpen}});
  const std::vector judged = {
      Judge(policy.hosts.front(), "192.0.2.1", AddressStates{seen.address, {}}, &seen)};
  const auto drifts = PolicyDrift(policy, "public", judged, kNow, kSecret);
  ASSERT_THAT(drifts, SizeIs(1));
  EXPECT_EQ(drifts.front().severity, Severity::kInfo);
  EXPECT_EQ(drifts.front().detail, "");
}

TEST(AllPortsTest, WhatWasNotAskedIsNoProof) {
  EXPECT_THAT(DriftsOf(States("192.0.2.1", {{{1, 20}, kOpen}})), SizeIs(20));
}

}  // namespace
}  // namespace postern::drift

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

constexpr auto kOpen = PortState::kOpen;

// Ports 1-20 open, and `answering` of the random ones.
AddressStates Twenty(std::size_t answering) {
  const auto random = RandomPortsOf(Address("192.0.2.1"));
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
  return Brief(PolicyDrift(policy, "public", judged, kNow));
}

TEST(AllPortsTest, EveryAddressHasEightPortsOfItsOwnThatStay) {
  const auto ports = RandomPortsOf(Address("192.0.2.1"));
  EXPECT_EQ(ports.ToString(), "tcp/49478,53912,54779,55315,56156,59490,61696,61931");
  EXPECT_EQ(ports.size(), 8U);
  EXPECT_NE(ports, RandomPortsOf(Address("192.0.2.2")));
  EXPECT_EQ(ports.ranges(Protocol::kUdp).size(), 0U);
}

TEST(AllPortsTest, AHostThatIsOpenOnRandomPortsIsOneDrift) {
  const auto random = RandomPortsOf(Address("192.0.2.1")).ToString().substr(4);
  EXPECT_THAT(DriftsOf(Twenty(8)),
              ElementsAre("all_ports_open warning 192.0.2.1 tcp/1-20," + random));
  EXPECT_THAT(DriftsOf(Twenty(7)), SizeIs(27)) << "one that refuses: they are services";
}

TEST(AllPortsTest, WhatWasNotAskedIsNoProof) {
  EXPECT_THAT(DriftsOf(States("192.0.2.1", {{{1, 20}, kOpen}})), SizeIs(20));
}

}  // namespace
}  // namespace postern::drift

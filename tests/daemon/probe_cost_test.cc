#include "daemon/probe_cost.h"

#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

AddressStates Known() {
  AddressStates known{Address("192.0.2.1"), {}};
  auto& tcp = known.of(Protocol::kTcp);
  tcp.Append({1, 10}, {PortState::kOpen, {Reason::Kind::kSynAck}});
  tcp.Append({11, 20}, {PortState::kFiltered, {Reason::Kind::kNoResponse}});
  tcp.Append({21, 30}, {PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}});
  tcp.Append({31, 40}, {});
  return known;
}

TEST(ProbeCost, AnAnswerTakesOneProbeAndSilenceAllTries) {
  const auto known = Known();
  const auto seen = CountLastSeen(Ports("tcp/6-45,udp/53"), &known);
  EXPECT_EQ(seen, (PortsLastSeen{5 + 10, 10, 16})) << "a rejection is an answer";
  EXPECT_EQ(seen.Probes(3), 15U + 3 * 26);
  EXPECT_EQ(CountLastSeen(Ports("tcp/6-45"), nullptr), (PortsLastSeen{0, 0, 40}));
}

TEST(ProbeCost, CountsAPlanByItsAddresses) {
  scanner::ScanPlan plan;
  plan.Add({*Prefix::Parse("192.0.2.0/31")}, Ports("tcp/1-20"));
  plan.Add({*Prefix::Parse("192.0.2.1")}, Ports("tcp/100"));
  EXPECT_EQ(CountLastSeen(plan, std::vector{Known()}), (PortsLastSeen{10, 10, 21}));
}

}  // namespace
}  // namespace postern::daemon

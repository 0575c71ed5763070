#include "core/port_state.h"

#include <gtest/gtest.h>

#include "core/snapshot.h"

namespace postern {
namespace {

using Kind = Reason::Kind;

TEST(PortState, NamesRoundTrip) {
  const std::pair<PortState, std::string_view> names[] = {
      {PortState::kUnknown, "unknown"},
      {PortState::kOpen, "open"},
      {PortState::kClosed, "closed"},
      {PortState::kFiltered, "filtered"},
      {PortState::kOpenFiltered, "open_filtered"},
  };
  for (const auto& [state, name] : names) {
    EXPECT_EQ(ToString(state), name);
    EXPECT_EQ(ParsePortState(name), state);
  }
  EXPECT_FALSE(ParsePortState("open|filtered"));
}

TEST(Reason, TextRoundTrips) {
  const std::pair<Reason, std::string_view> reasons[] = {
      {{Kind::kNotProbed}, "not-probed"},
      {{Kind::kLocalError}, "local-error"},
      {{Kind::kSynAck}, "syn-ack"},
      {{Kind::kReset}, "rst"},
      {{Kind::kUdpResponse}, "udp-response"},
      {{Kind::kNoResponse}, "no-response"},
      {{Kind::kNoNeighbour}, "no-neighbour"},
      {{Kind::kIcmp, 3, 13}, "icmp-3-13"},
      {{Kind::kIcmp, 0, 0}, "icmp-0-0"},
      {{Kind::kIcmp6, 1, 4}, "icmp6-1-4"},
      {{Kind::kIcmp6, 255, 255}, "icmp6-255-255"},
  };
  for (const auto& [reason, text] : reasons) {
    EXPECT_EQ(ToString(reason), text);
    EXPECT_EQ(ParseReason(text), reason);
  }
}

TEST(Reason, RefusesOtherText) {
  for (const auto* text : {"", "icmp", "icmp-", "icmp-3", "icmp-3-", "icmp-3-256", "icmp-03-1",
                           "icmp-3-1-2", "icmp6", "icmp7-1-1", "rst ", "RST", "icmp--1-1"}) {
    EXPECT_FALSE(ParseReason(text)) << text;
  }
}

TEST(Reason, Silence) {
  for (const auto* text : {"no-response", "no-neighbour", "icmp-3-0", "icmp-3-1", "icmp-11-0",
                           "icmp-11-1", "icmp6-1-0", "icmp6-1-3", "icmp6-3-0"}) {
    EXPECT_TRUE(IsSilence(*ParseReason(text))) << text;
  }
  for (const auto* text :
       {"not-probed", "local-error", "syn-ack", "rst", "udp-response", "icmp-3-3", "icmp-3-13",
        "icmp-1-1", "icmp6-1-1", "icmp6-1-4", "icmp6-11-0"}) {
    EXPECT_FALSE(IsSilence(*ParseReason(text))) << text;
  }
}

TEST(Stage, NamesRoundTrip) {
  for (const auto stage :
       {Stage::kDiscover, Stage::kExpected, Stage::kTop, Stage::kFull, Stage::kUdp}) {
    EXPECT_EQ(ParseStage(ToString(stage)), stage);
  }
  EXPECT_FALSE(ParseStage("identify"));
}

TEST(Snapshot, TellsNotAskedFromUnknown) {
  AddressStates states{*IpAddress::Parse("192.0.2.1"), {}};
  states.of(Protocol::kTcp).Append({22, 22}, {});
  Snapshot snapshot;
  snapshot.addresses = {states};
  EXPECT_EQ(snapshot.At({states.address, Protocol::kTcp, 22}), Verdict{});
  EXPECT_EQ(snapshot.At({states.address, Protocol::kTcp, 23}), std::nullopt);
  EXPECT_EQ(snapshot.At({states.address, Protocol::kUdp, 22}), std::nullopt);
  EXPECT_EQ(snapshot.At({*IpAddress::Parse("192.0.2.2"), Protocol::kTcp, 22}), std::nullopt);
}

}  // namespace
}  // namespace postern

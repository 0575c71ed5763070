#include "core/change_window.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

Drift OfHost() {
  Drift drift;
  drift.kind = DriftKind::kUnexpectedOpen;
  drift.host = "web-1";
  drift.owner = "web";
  drift.labels = {{"env", "prod"}, {"team", "core"}};
  drift.address = *IpAddress::Parse("192.0.2.1");
  return drift;
}

Prefix Network(std::string_view text) { return *Prefix::Parse(text); }

TEST(WindowSelectorTest, OneValueOfEachKindHasToFit) {
  struct Case {
    WindowSelector selector;
    bool covers;
  };
  const Case cases[] = {
      {{{"web-1"}, {}, {}, {}}, true},
      {{{"db-1", "web-1"}, {}, {}, {}}, true},
      {{{"db-1"}, {}, {}, {}}, false},
      {{{}, {"web"}, {}, {}}, true},
      {{{}, {"data"}, {}, {}}, false},
      {{{"web-1"}, {"data"}, {}, {}}, false},
      {{{}, {}, {Network("192.0.2.0/24")}, {}}, true},
      {{{}, {}, {Network("192.0.2.2")}, {}}, false},
      {{{}, {}, {Network("2001:db8::/64")}, {}}, false},
      {{{}, {"web"}, {Network("198.51.100.0/24"), Network("192.0.2.0/24")}, {}}, true},
      {{{}, {}, {}, {{"env", "prod"}}}, true},
      {{{}, {}, {}, {{"env", "test"}}}, false},
      {{{}, {}, {}, {{"env", "prod"}, {"team", "edge"}}}, false},
      {{{}, {}, {}, {{"rack", "7"}}}, false},
      {{}, false},
  };
  for (const auto& [selector, covers] : cases) {
    EXPECT_EQ(selector.Covers(OfHost()), covers) << ToString(selector);
  }
}

TEST(WindowSelectorTest, WhatBelongsToNoHostIsNeverSelected) {
  const WindowSelector everything{{}, {}, {Network("0.0.0.0/0"), Network("::/0")}, {}};
  for (const auto kind : kDriftKinds) {
    auto drift = OfHost();
    drift.kind = kind;
    drift.addresses = {drift.address};
    const bool of_postern = kind == DriftKind::kViewpointBlind || kind == DriftKind::kCoverageStale;
    EXPECT_EQ(everything.Covers(drift), !of_postern) << ToString(kind);
  }
}

TEST(WindowSelectorTest, AnUnlistedHostIsSelectedByItsAddressAndItsNetworksOwner) {
  auto drift = OfHost();
  drift.kind = DriftKind::kUnlistedHost;
  drift.host = drift.subject = "192.0.2.1";
  drift.owner = "network";
  drift.labels.clear();
  const WindowSelector by_network{{}, {}, {Network("192.0.2.0/24")}, {}};
  const WindowSelector by_owner{{}, {"network"}, {}, {}};
  EXPECT_TRUE(by_network.Covers(drift));
  EXPECT_TRUE(by_owner.Covers(drift));
}

TEST(WindowSelectorTest, ANameIsWhereItLeadsTo) {
  auto drift = OfHost();
  drift.kind = DriftKind::kDnsChanged;
  drift.addresses = {*IpAddress::Parse("198.51.100.7")};
  const WindowSelector there{{}, {}, {Network("198.51.100.0/24")}, {}};
  const WindowSelector elsewhere{{}, {}, {Network("192.0.2.0/24")}, {}};
  EXPECT_TRUE(there.Covers(drift));
  EXPECT_FALSE(elsewhere.Covers(drift));
}

TEST(WindowSelectorTest, IsToldInWords) {
  EXPECT_EQ(
      ToString(WindowSelector{{"a", "b"}, {"web"}, {Network("192.0.2.0/24")}, {{"env", "x"}}}),
      "host a, b; owner web; network 192.0.2.0/24; label env=x");
}

}  // namespace
}  // namespace postern

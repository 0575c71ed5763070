#include "drift/presence.h"

#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::drift {
namespace {

using enum PortState;
using std::chrono::hours;
using std::chrono::minutes;

constexpr auto kSilent = Absence::Kind::kSilent;
constexpr auto kChanged = Absence::Kind::kChanged;
const IpAddress kGateway = Address("198.51.100.1");

AddressStates Rejected(const PortRange& ports, Reason reason) {
  AddressStates states{Address("192.0.2.1"), {}};
  states.of(Protocol::kTcp).Append(ports, {kFiltered, reason});
  return states;
}

bool Refused(const Sight& seen, const Sight& again) {
  return TurnedAway(States("192.0.2.1", seen), States("192.0.2.1", again));
}

TEST(TurnedAwayTest, AnAddressThatRepeatsNoAnswerHasBannedTheScannerMeanwhile) {
  EXPECT_TRUE(Refused({{Port(22), kOpen}}, {{Port(22), kClosed}}));
  EXPECT_TRUE(Refused({{Port(81), kClosed}}, {{Port(81), kFiltered}}));
  EXPECT_FALSE(Refused({{Port(22), kOpen}}, {{Port(22), kOpen}}));
  EXPECT_FALSE(
      Refused({{Port(22), kOpen}, {Port(443), kOpen}}, {{Port(22), kFiltered}, {Port(443), kOpen}}))
      << "one of them is enough";
}

TEST(TurnedAwayTest, ResetsShowNothingWhereAnOpenPortWasAskedAgain) {
  const Sight seen = {{Port(22), kClosed}, {Port(443), kOpen}, {Port(445), kClosed}};
  EXPECT_TRUE(Refused(seen, {{Port(22), kClosed}, {Port(443), kClosed}, {Port(445), kClosed}}));
  EXPECT_FALSE(Refused(seen, {{Port(22), kFiltered}, {Port(443), kOpen}, {Port(445), kFiltered}}));
}

TEST(TurnedAwayTest, WhatDidNotAnswerOrWasNotAskedShowsNothing) {
  EXPECT_FALSE(Refused({{Port(22), kFiltered}}, {{Port(22), kFiltered}}));
  EXPECT_FALSE(Refused({{Port(22), kOpen}}, {{Port(443), kFiltered}}));
}

struct Case {
  const char* what;
  Sight before;
  Sight seen;
  bool sign;
  std::optional<Absence::Kind> absent;
};

TEST(AbsenceInTest, FollowsFromWhatTheWholeAddressDid) {
  const Case cases[] = {
      {"a host that answers", {{Port(22), kOpen}}, {{Port(22), kOpen}}, false, {}},
      {"one answer vouches for the other ports' silence",
       {{Port(22), kOpen}, {Port(80), kOpen}},
       {{Port(22), kOpen}, {Port(80), kFiltered}},
       false,
       {}},
      {"no answer at all", {{Port(22), kOpen}}, {{Port(22), kFiltered}}, false, kSilent},
      {"never an answer", {}, {{{1, 99}, kFiltered}}, false, kSilent},
      {"a firewalled host that answers a ping", {}, {{{1, 99}, kFiltered}}, true, {}},
      {"one service that stopped", {{Port(6379), kOpen}}, {{Port(6379), kClosed}}, false, {}},
      {"one service that stopped among closed ports",
       {{Port(22), kClosed}, {Port(80), kClosed}, {Port(6379), kOpen}},
       {{Port(22), kClosed}, {Port(80), kClosed}, {Port(6379), kClosed}},
       false,
       {}},
      {"two services that stopped, while a third goes on",
       {{Port(22), kOpen}, {Port(80), kOpen}, {Port(443), kOpen}},
       {{Port(22), kOpen}, {Port(80), kClosed}, {Port(443), kClosed}},
       false,
       {}},
      {"all open ports lost at once",
       {{Port(22), kOpen}, {Port(80), kOpen}, {Port(81), kFiltered}},
       {{Port(22), kClosed}, {Port(80), kClosed}, {Port(81), kFiltered}},
       false,
       kChanged},
      {"all open ports lost, another opened",
       {{Port(22), kOpen}, {Port(80), kOpen}},
       {{Port(22), kClosed}, {Port(80), kClosed}, {Port(8080), kOpen}},
       false,
       {}},
      {"a ban by silence of a host that answers a ping",
       {{Port(22), kClosed}, {Port(6379), kOpen}},
       {{Port(22), kFiltered}, {Port(6379), kFiltered}},
       true,
       kChanged},
      {"what was silent before and still is, is no change",
       {{Port(22), kFiltered}, {Port(80), kFiltered}},
       {{Port(22), kFiltered}, {Port(80), kFiltered}},
       true,
       {}},
      {"ports that were never asked before tell of no change",
       {{Port(22), kClosed}},
       {{Port(80), kFiltered}, {Port(81), kFiltered}},
       true,
       {}},
  };
  for (const auto& [what, before, seen, sign, absent] : cases) {
    EXPECT_EQ(AbsenceIn(States("192.0.2.1", before), States("192.0.2.1", seen), sign), absent)
        << what;
  }
}

TEST(AbsenceInTest, ABanByRejectionIsAChangeWhoeverRejects) {
  const auto before = States("192.0.2.1", {{Port(22), kClosed}, {Port(23), kOpen}});
  EXPECT_EQ(AbsenceIn(before, Rejected({22, 23}, {Reason::Kind::kIcmp, 3, 3}), false), kChanged)
      << "port unreachable is the host's own word";
  EXPECT_EQ(AbsenceIn(before, Rejected({22, 23}, {Reason::Kind::kIcmp, 3, 13}), true), kChanged);
  EXPECT_EQ(AbsenceIn(before, Rejected({22, 23}, {Reason::Kind::kIcmp, 3, 13}), false), kSilent)
      << "a router may have sent it";
}

TEST(LostEveryOpenPortAskedTest, CountsOnlyWhatTheRunAsked) {
  const auto before = States("192.0.2.1", {{Port(22), kOpen}, {Port(6379), kOpen}});
  EXPECT_TRUE(LostEveryOpenPortAsked(before, States("192.0.2.1", {{Port(6379), kClosed}})));
  EXPECT_FALSE(LostEveryOpenPortAsked(before, States("192.0.2.1", {{Port(80), kClosed}})));
  EXPECT_FALSE(LostEveryOpenPortAsked(
      before, States("192.0.2.1", {{Port(22), kOpen}, {Port(6379), kClosed}})));
}

TEST(ContinuedTest, OnlyTimeWithProofOfThePathIsWatched) {
  AbsenceSight sight{.kind = kSilent,
                     .at = kNow,
                     .vouched = true,
                     .longest_gap = hours(2),
                     .gone_after = hours(3)};
  auto absence = Continued(std::nullopt, sight);
  EXPECT_EQ(absence, (Absence{kSilent, kNow, kNow, true, Duration(0), false}));
  sight.at += hours(1);
  absence = Continued(absence, sight);
  EXPECT_EQ(absence.watched, hours(1));
  sight.at += hours(1);
  sight.vouched = false;
  absence = Continued(absence, sight);
  EXPECT_EQ(absence.watched, hours(1)) << "nothing vouched for the path";
  sight.at += hours(40);
  sight.vouched = true;
  sight.kind = kChanged;
  absence = Continued(absence, sight);
  EXPECT_EQ(absence.watched, hours(3)) << "nobody looked for most of the time";
  EXPECT_TRUE(absence.gone);
  EXPECT_EQ(absence.since, kNow);
  sight.at = kNow - hours(9);
  absence = Continued(absence, sight);
  EXPECT_EQ(absence.watched, hours(3)) << "the clock was set back";
  EXPECT_EQ(absence.since, sight.at);
}

TEST(ProvenHopsTest, OnlyTheSameFirstHopVouches) {
  const auto beyond = Address("192.0.2.1");
  const auto neighbour = Address("198.51.100.7");
  const auto own = Address("198.51.100.9");
  const FirstHops hops = {{beyond, {2, kGateway, false}},
                          {Address("192.0.2.2"), {2, kGateway, false}},
                          {Address("192.0.2.3"), {2, Address("198.51.100.2"), false}},
                          {Address("192.0.2.4"), {3, kGateway, false}},
                          {neighbour, {2, std::nullopt, false}},
                          {Address("198.51.100.8"), {2, std::nullopt, false}},
                          {own, {1, std::nullopt, true}}};
  const auto vouches = [&](const IpAddress& who, const char* for_whom) {
    ProvenHops proven(hops);
    proven.Add(who);
    return proven.Vouch(Address(for_whom));
  };
  EXPECT_TRUE(vouches(beyond, "192.0.2.2"));
  EXPECT_FALSE(vouches(beyond, "192.0.2.3")) << "another gateway";
  EXPECT_FALSE(vouches(beyond, "192.0.2.4")) << "another interface";
  EXPECT_TRUE(vouches(beyond, "198.51.100.8")) << "what lies beyond the link proves the link";
  EXPECT_FALSE(vouches(neighbour, "192.0.2.2")) << "a neighbour proves no gateway";
  EXPECT_TRUE(vouches(neighbour, "198.51.100.8"));
  EXPECT_FALSE(vouches(own, "198.51.100.8"));
  EXPECT_FALSE(vouches(own, "192.0.2.2"));
  EXPECT_FALSE(vouches(Address("203.0.113.1"), "192.0.2.2")) << "no route is known";
}

}  // namespace
}  // namespace postern::drift

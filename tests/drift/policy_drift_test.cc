#include "drift/policy_drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::drift {
namespace {

using policy::ExpectedState;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kOpen = PortState::kOpen;
constexpr auto kClosed = PortState::kClosed;
constexpr auto kFiltered = PortState::kFiltered;
constexpr auto kUnknown = PortState::kUnknown;

std::vector<std::string> DriftOf(const policy::Policy& policy, const Sight& ipv4,
                                 const Sight& ipv6) {
  const auto& host = policy.hosts.front();
  const std::vector<JudgedAddress> addresses = {FirstSight(host, "192.0.2.1", ipv4),
                                                FirstSight(host, "2001:db8::1", ipv6)};
  return Brief(PolicyDrift(policy, "public", addresses, kNow));
}

TEST(PolicyDriftTest, EachExpectationAgainstEachState) {
  struct Row {
    ExpectedState expected;
    PortState observed;
    std::vector<std::string> drift;
  };
  const std::string at = " 192.0.2.1 tcp/8080";
  const std::vector<Row> rows = {
      {ExpectedState::kOpen, kOpen, {}},
      {ExpectedState::kOpen, kClosed, {"missing warning" + at}},
      {ExpectedState::kOpen, kFiltered, {"missing warning" + at}},
      {ExpectedState::kOpen, kUnknown, {}},
      {ExpectedState::kAllowed, kOpen, {}},
      {ExpectedState::kAllowed, kClosed, {}},
      {ExpectedState::kAllowed, kFiltered, {}},
      {ExpectedState::kAny, kOpen, {}},
      {ExpectedState::kAny, kClosed, {}},
      {ExpectedState::kClosed, kOpen, {"unexpected_open warning" + at}},
      {ExpectedState::kClosed, kClosed, {}},
      {ExpectedState::kClosed, kFiltered, {"wrong_state info" + at}},
      {ExpectedState::kFiltered, kOpen, {"unexpected_open warning" + at}},
      {ExpectedState::kFiltered, kClosed, {"wrong_state info" + at}},
      {ExpectedState::kFiltered, kFiltered, {}},
      {ExpectedState::kFiltered, kUnknown, {}},
      {ExpectedState::kNotOpen, kOpen, {"unexpected_open warning" + at}},
      {ExpectedState::kNotOpen, kClosed, {}},
      {ExpectedState::kNotOpen, kFiltered, {}},
      {ExpectedState::kNotOpen, kUnknown, {}},
  };
  for (const auto& row : rows) {
    const auto policy = OneHost({Rule("tcp/8080", row.expected)}, ExpectedState::kNotOpen);
    EXPECT_EQ(DriftOf(policy, {{Port(8080), row.observed}}, {}), row.drift)
        << ToString(row.expected) << " and seen " << ToString(row.observed);
  }
}

TEST(PolicyDriftTest, SensitivePortsHighHostsAndIpv6OnlyAreCritical) {
  auto policy = OneHost({}, ExpectedState::kNotOpen);
  EXPECT_THAT(DriftOf(policy, {{Port(6379), kOpen}}, {}),
              ElementsAre("unexpected_open critical 192.0.2.1 tcp/6379"));
  EXPECT_THAT(DriftOf(policy, {{Port(8080), kClosed}}, {{Port(8080), kOpen}}),
              ElementsAre("unexpected_open critical 2001:db8::1 tcp/8080"));
  EXPECT_THAT(DriftOf(policy, {{Port(8080), kOpen}}, {{Port(8080), kClosed}}),
              ElementsAre("unexpected_open warning 192.0.2.1 tcp/8080"));
  EXPECT_THAT(DriftOf(policy, {{Port(8080), kUnknown}}, {{Port(8080), kOpen}}),
              ElementsAre("unexpected_open warning 2001:db8::1 tcp/8080"))
      << "an unknown family does not make the other one the only one";

  policy.hosts.front().criticality = policy::Criticality::kHigh;
  EXPECT_THAT(DriftOf(policy, {{Port(8080), kOpen}}, {}),
              ElementsAre("unexpected_open critical 192.0.2.1 tcp/8080"));
}

TEST(PolicyDriftTest, TheRulesOwnSeverityWins) {
  auto rule = Rule("tcp/22", ExpectedState::kFiltered);
  rule.severity = Severity::kInfo;
  EXPECT_THAT(DriftOf(OneHost({rule}, ExpectedState::kAny), {{Port(22), kOpen}}, {}),
              ElementsAre("unexpected_open info 192.0.2.1 tcp/22"));
}

TEST(PolicyDriftTest, AnAbsentHostIsUnreachableWhereThePathIsProven) {
  const auto policy =
      OneHost({Rule("tcp/80,443", ExpectedState::kOpen), Rule("tcp/90", ExpectedState::kClosed)},
              ExpectedState::kAny);
  const Sight silence = {{Port(80), kFiltered}, {Port(90), kFiltered}, {Port(443), kFiltered}};
  EXPECT_THAT(DriftOf(policy, silence, {}),
              ElementsAre("missing warning 192.0.2.1 tcp/80", "missing warning 192.0.2.1 tcp/443",
                          "wrong_state info 192.0.2.1 tcp/90"))
      << "a host that is there";
  const auto absent = [&](const Sight& before, bool vouched) {
    const auto seen = States("192.0.2.1", silence);
    const std::vector addresses = {
        WithAbsence(Judge(policy.hosts.front(), "192.0.2.1", States("192.0.2.1", before), &seen),
                    seen, Absence{.since = kNow, .vouched = vouched}, vouched)};
    return Brief(PolicyDrift(policy, "public", addresses, kNow));
  };
  EXPECT_THAT(absent({}, true), ElementsAre("host_unreachable warning 192.0.2.1 tcp/80,443"));
  EXPECT_THAT(absent({}, false), IsEmpty()) << "nothing is said of it";
  EXPECT_THAT(absent({{Port(80), kOpen}, {Port(90), kClosed}, {Port(443), kClosed}}, false),
              ElementsAre("missing warning 192.0.2.1 tcp/443"))
      << "what was proven before it fell silent";
}

// A ban by resets looks closed where the policy wants silence, and what was open was not asked.
TEST(PolicyDriftTest, NothingIsClaimedToAnswerAtAnAddressThatIsGone) {
  const auto policy =
      OneHost({Rule("tcp/5900", ExpectedState::kFiltered)}, ExpectedState::kNotOpen);
  const auto seen = States("192.0.2.1", {{Port(5900), kClosed}});
  const auto before = States("192.0.2.1", {{Port(5900), kClosed}, {Port(6379), kOpen}});
  const auto drift = [&](bool gone) {
    const std::vector addresses = {
        WithAbsence(Judge(policy.hosts.front(), "192.0.2.1", before, &seen), seen,
                    Absence{.since = kNow, .vouched = true, .gone = gone}, true)};
    return Brief(PolicyDrift(policy, "public", addresses, kNow));
  };
  EXPECT_THAT(drift(false), testing::SizeIs(2));
  EXPECT_THAT(drift(true), IsEmpty());
}

TEST(PolicyDriftTest, WrongStatesOfOtherwiseAreOneDriftWithRanges) {
  const auto policy = OneHost({Rule("tcp/8443", ExpectedState::kAny)}, ExpectedState::kFiltered);
  EXPECT_THAT(DriftOf(policy, {{{1, 99}, kFiltered}, {{100, 9000}, kClosed}}, {}),
              ElementsAre("wrong_state info 192.0.2.1 tcp/100-8442,8444-9000"));
}

TEST(PolicyDriftTest, MorePortsThanServicesAreOneDrift) {
  const auto policy = OneHost({Rule("tcp/443", ExpectedState::kOpen)}, ExpectedState::kNotOpen);
  EXPECT_THAT(DriftOf(policy, {{{1, 65535}, kOpen}}, {}),
              ElementsAre("all_ports_open critical 192.0.2.1 tcp/1-442,444-65535"));
  EXPECT_THAT(DriftOf(policy, {{{1000, 1255}, kOpen}, {{2000, 9000}, kClosed}}, {}),
              ElementsAre("all_ports_open warning 192.0.2.1 tcp/1000-1255"));
  EXPECT_EQ(DriftOf(policy, {{{1000, 1254}, kOpen}}, {}).size(), 255U);
}

TEST(PolicyDriftTest, FamiliesDivergeOnlyByTheSameRuleAndWithoutAnotherDrift) {
  const auto allowed = OneHost({Rule("tcp/80", ExpectedState::kAllowed)}, ExpectedState::kNotOpen);
  EXPECT_THAT(DriftOf(allowed, {{Port(80), kClosed}}, {{Port(80), kOpen}}),
              ElementsAre("family_divergence warning 2001:db8::1 tcp/80"));
  EXPECT_THAT(DriftOf(allowed, {{Port(80), kUnknown}}, {{Port(80), kOpen}}), IsEmpty());
  EXPECT_THAT(DriftOf(allowed, {}, {{Port(80), kOpen}}), IsEmpty());
  EXPECT_THAT(DriftOf(allowed, {{Port(80), kOpen}}, {{Port(80), kOpen}}), IsEmpty());

  auto only_ipv6 = Rule("tcp/80", ExpectedState::kAllowed);
  only_ipv6.reach.ipv4 = false;
  EXPECT_THAT(DriftOf(OneHost({only_ipv6}, ExpectedState::kNotOpen), {{Port(80), kClosed}},
                      {{Port(80), kOpen}}),
              IsEmpty())
      << "another rule decides the other family";
}

TEST(PolicyDriftTest, AnAcceptanceEndsAtTheEndOfItsDay) {
  auto policy = OneHost({}, ExpectedState::kNotOpen);
  policy::AcceptRule accept;
  accept.ports = Ports("tcp/8080");
  accept.acceptance = {std::chrono::floor<std::chrono::days>(kNow), "migration", "OPS-1"};
  policy.hosts.front().accept.push_back(accept);
  const std::vector<JudgedAddress> addresses = {
      FirstSight(policy.hosts.front(), "192.0.2.1", {{Port(8080), kOpen}})};

  const auto last_moment = kNow + std::chrono::hours(24) - std::chrono::milliseconds(1);
  EXPECT_EQ(PolicyDrift(policy, "public", addresses, last_moment).at(0).acceptance,
            accept.acceptance);
  const auto after = PolicyDrift(policy, "public", addresses, kNow + std::chrono::hours(24));
  EXPECT_EQ(after.at(0).acceptance, std::nullopt);
}

policy::AcceptRule Accepted(std::string_view ports, int days) {
  policy::AcceptRule accept;
  accept.ports = Ports(ports);
  accept.acceptance = {std::chrono::floor<std::chrono::days>(kNow) + std::chrono::days(days),
                       "migration", "OPS-1"};
  return accept;
}

TEST(PolicyDriftTest, WhatIsMissingCanBeAccepted) {
  auto policy = OneHost({Rule("tcp/80,443", ExpectedState::kOpen)}, ExpectedState::kNotOpen);
  auto& host = policy.hosts.front();
  const auto drifts = [&](PortState state) {
    const std::vector<JudgedAddress> addresses = {
        FirstSight(host, "192.0.2.1", {{Port(80), state}, {Port(443), state}})};
    return PolicyDrift(policy, "public", addresses, kNow);
  };
  host.accept = {Accepted("tcp/80", 9)};
  const auto missing = drifts(kClosed);
  ASSERT_EQ(missing.size(), 2U);
  EXPECT_EQ(missing[0].acceptance, host.accept[0].acceptance);
  EXPECT_EQ(missing[1].acceptance, std::nullopt);
  const auto absent = [&] {
    const auto seen = States("192.0.2.1", {{Port(80), kFiltered}, {Port(443), kFiltered}});
    const std::vector addresses = {
        WithAbsence(Judge(host, "192.0.2.1", States("192.0.2.1", {}), &seen), seen,
                    Absence{.since = kNow, .vouched = true}, true)};
    return PolicyDrift(policy, "public", addresses, kNow);
  };
  const auto partly = absent();
  ASSERT_THAT(Brief(partly), ElementsAre("host_unreachable warning 192.0.2.1 tcp/80,443"));
  EXPECT_EQ(partly[0].acceptance, std::nullopt) << "one of its ports is not accepted";

  host.accept = {Accepted("tcp/80", 9), Accepted("tcp/443", 2)};
  const auto wholly = absent();
  ASSERT_EQ(wholly.size(), 1U);
  EXPECT_EQ(wholly[0].acceptance, host.accept[1].acceptance) << "the one that ends first";
}

TEST(PolicyDriftTest, ADriftSaysWhatItIsAbout) {
  const auto policy = OneHost({Rule("tcp/25", ExpectedState::kClosed)}, ExpectedState::kAny);
  const std::vector<JudgedAddress> addresses = {
      FirstSight(policy.hosts.front(), "192.0.2.1", {{Port(25), kClosed}}),
      FirstSight(policy.hosts.front(), "2001:db8::1", {{Port(25), kOpen}})};
  const auto drifts = PolicyDrift(policy, "public", addresses, kNow);
  ASSERT_EQ(drifts.size(), 1U);
  EXPECT_EQ(drifts[0].owner, "web");
  EXPECT_EQ(drifts[0].rule, "policy.yaml:7:9");
  EXPECT_EQ(Summary(drifts[0]),
            "tcp/25 is open on web-1 (2001:db8::1); the policy says closed; it is not open over "
            "ipv4");
}

}  // namespace
}  // namespace postern::drift

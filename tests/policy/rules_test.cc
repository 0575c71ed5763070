#include "policy/rules.h"

#include <gtest/gtest.h>

#include <string>

#include "policy/load_policy.h"

namespace postern::policy {
namespace {

std::shared_ptr<const Policy> Load(const std::string& rest) {
  const auto loaded = LoadPolicyTexts(
      {{"p.yaml",
        "version: 1\nscope: {authorized_by: s, include: [192.0.2.0/24, \"2001:db8::/64\"]}\n" +
            rest}},
      {});
  EXPECT_NE(loaded.policy, nullptr) << loaded.diagnostics.Render();
  return loaded.policy;
}

// "1-21 not_open, 22 open@web/5 ..." with the deciding rule's role and line.
std::string Show(const RuleTable& table, Protocol protocol) {
  std::string text;
  for (const auto& [ports, decision] : table.ranges(protocol)) {
    if (!text.empty()) text += ", ";
    text += std::to_string(ports.first);
    if (ports.last != ports.first) text += "-" + std::to_string(ports.last);
    text += " " + std::string(ToString(decision.expected));
    if (decision.rule != nullptr) {
      text += "@" + std::string(decision.role) + "/" + std::to_string(decision.rule->where.line);
    }
    if (decision.accept != nullptr) text += " accepted";
  }
  return text;
}

constexpr const char* kLayered = R"(roles:
  web:
    - {ports: "tcp/80,443", state: open}
    - {ports: tcp/8000-8999, state: allowed}
  managed:
    - {ports: tcp/22, state: open, from: [vpn]}
hosts:
  - name: web-1
    addresses: [192.0.2.10]
    roles: [web, managed]
    otherwise: filtered
    expect:
      - {ports: tcp/8443, state: closed, families: [ipv6]}
      - {ports: "tcp/8500-8600,udp/53", state: any}
    accept:
      - {ports: tcp/8590-8700, from: [public], until: 2027-01-31, reason: r, ticket: T-1}
)";

TEST(RuleTable, ExpectBeatsRolesBeatOtherwise) {
  const auto policy = Load(kLayered);
  const RuleTable table(*policy, policy->hosts[0], "public", Family::kIpv4);
  EXPECT_EQ(Show(table, Protocol::kTcp),
            "1-79 filtered, 80 open@web/5, 81-442 filtered, 443 open@web/5, 444-7999 filtered, "
            "8000-8499 allowed@web/6, 8500-8589 any@/16, 8590-8600 any@/16 accepted, "
            "8601-8700 allowed@web/6 accepted, 8701-8999 allowed@web/6, 9000-65535 filtered");
  EXPECT_EQ(Show(table, Protocol::kUdp), "1-52 filtered, 53 any@/16, 54-65535 filtered");
}

TEST(RuleTable, ARuleOfAnotherViewpointOrFamilyLeavesThePortToTheNext) {
  const auto policy = Load(kLayered);
  const RuleTable table(*policy, policy->hosts[0], "vpn", Family::kIpv6);
  EXPECT_EQ(Show(table, Protocol::kTcp),
            "1-21 filtered, 22 open@managed/8, 23-79 filtered, 80 open@web/5, 81-442 filtered, "
            "443 open@web/5, 444-7999 filtered, 8000-8442 allowed@web/6, 8443 closed@/15, "
            "8444-8499 allowed@web/6, 8500-8600 any@/16, 8601-8999 allowed@web/6, "
            "9000-65535 filtered");
}

TEST(RuleTable, AtAgreesWithTheRanges) {
  const auto policy = Load(kLayered);
  const RuleTable table(*policy, policy->hosts[0], "public", Family::kIpv6);
  for (const auto protocol : kProtocols) {
    int next = 1;
    for (const auto& [ports, decision] : table.ranges(protocol)) {
      ASSERT_EQ(ports.first, next);
      EXPECT_EQ(table.At({protocol, ports.first}), decision);
      EXPECT_EQ(table.At({protocol, ports.last}), decision);
      next = ports.last + 1;
    }
    EXPECT_EQ(next, 65536);
  }
}

TEST(RuleTable, NamesThePortsOfOtherViewpointsToo) {
  const auto policy = Load(kLayered);
  const RuleTable table(*policy, policy->hosts[0], "public", Family::kIpv4);
  EXPECT_EQ(table.NamedPorts().ToString(), "tcp/22,80,443,8000-8999,udp/53");
}

// Every port of random rules is decided as a plain loop over the levels decides it.
TEST(RuleTable, AgreesWithAPlainSearch) {
  std::uint32_t random = 1;
  const auto next = [&](std::uint32_t below) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % below;
  };
  Policy policy;
  Host host;
  host.roles = {"role"};
  const auto add = [&](std::vector<Expectation>& rules) {
    Expectation rule;
    const auto first = static_cast<std::uint16_t>(1 + next(60000));
    rule.ports.Add(Protocol::kTcp, {first, static_cast<std::uint16_t>(first + next(5000))});
    rule.state = next(2) == 0 ? ExpectedState::kOpen : ExpectedState::kClosed;
    rules.push_back(rule);
  };
  for (int i = 0; i < 20; ++i) {
    add(host.expect);
    add(policy.roles["role"]);
  }
  const RuleTable table(policy, host, "public", Family::kIpv4);
  for (std::uint32_t port = 1; port <= 65535; ++port) {
    const Expectation* expected = nullptr;
    for (const auto* rules : {&host.expect, &policy.roles["role"]}) {
      for (const auto& rule : *rules) {
        const bool names = rule.ports.Contains(Protocol::kTcp, static_cast<std::uint16_t>(port));
        if (names && expected == nullptr) expected = &rule;
      }
    }
    ASSERT_EQ(table.At({Protocol::kTcp, static_cast<std::uint16_t>(port)}).rule, expected) << port;
  }
}

}  // namespace
}  // namespace postern::policy

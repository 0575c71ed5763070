#include "cli/targets.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using Names = std::map<std::string, std::vector<std::string>>;

IpAddress Ip(std::string_view text) { return IpAddress::Parse(text).value(); }

// Answers from a table; a name that is not there does not exist.
std::vector<scanner::Resolved> FromTable(const std::vector<std::string>& names) {
  static const Names kTable = {
      {"www.example.com", {"192.0.2.10", "2001:db8::10"}},
      {"db.example.com", {"192.0.2.20"}},
      {"half.example.com", {"192.0.2.30"}},
      {"elsewhere.example.com", {"198.51.100.1"}},
  };
  std::vector<scanner::Resolved> answers;
  for (const auto& name : names) {
    scanner::Resolved answer;
    answer.name = name;
    const auto at = kTable.find(name);
    if (at == kTable.end()) {
      answer.error = "NXDOMAIN";
    } else {
      for (const auto& address : at->second) answer.addresses.push_back(Ip(address));
    }
    if (name == "half.example.com") answer.error = "timeout (AAAA)";
    answers.push_back(answer);
  }
  return answers;
}

policy::Policy SmallPolicy() {
  policy::Policy policy;
  policy.scope.include = {*Prefix::Parse("192.0.2.0/24"), *Prefix::Parse("2001:db8::/64")};
  policy.scope.exclude = {*Prefix::Parse("192.0.2.66")};
  policy.viewpoints["vpn"].scope.exclude = {*Prefix::Parse("192.0.2.10")};
  policy::Host web;
  web.name = "web-1";
  web.addresses = {Ip("192.0.2.10"), Ip("2001:db8::10")};
  web.dns = {"db.example.com"};
  policy.hosts = {web};
  return policy;
}

struct Outcome {
  std::vector<std::string> prefixes;
  std::map<std::string, std::vector<std::string>> names;
  std::vector<std::string> unresolved;
  std::string error;

  bool operator==(const Outcome&) const = default;
};

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << testing::PrintToString(outcome.prefixes) << testing::PrintToString(outcome.names)
       << testing::PrintToString(outcome.unresolved) << outcome.error;
}

Outcome Found(const std::vector<std::string>& arguments, const TargetLimits& limits) {
  const auto targets = FindScanTargets(arguments, limits, FromTable);
  Outcome outcome;
  if (!targets) {
    outcome.error = targets.error().message;
    return outcome;
  }
  for (const auto& prefix : targets->prefixes) outcome.prefixes.push_back(prefix.ToString());
  for (const auto& [address, names] : targets->names) outcome.names[address.ToString()] = names;
  for (const auto& name : targets->unresolved) {
    outcome.unresolved.push_back(name.name + ": " + name.error);
  }
  return outcome;
}

Outcome Found(const std::vector<std::string>& arguments) {
  return Found(arguments, {1000, {}, {}});
}

Outcome InPolicy(const std::vector<std::string>& arguments, std::string_view viewpoint = "") {
  const auto policy = SmallPolicy();
  return Found(arguments, {1000, &policy, viewpoint});
}

TEST(Targets, AddressesAndPrefixesAreDisjoint) {
  EXPECT_EQ(Found({"192.0.2.5", "192.0.2.0/29", "::1", "192.0.2.4/30", "198.51.100.1", "::1"}),
            (Outcome{{"192.0.2.0/29", "198.51.100.1/32", "::1/128"}, {}, {}, ""}));
}

TEST(Targets, EveryAddressOfANameIsMeant) {
  EXPECT_EQ(Found({"www.example.com", "192.0.2.10"}),
            (Outcome{{"192.0.2.10/32", "2001:db8::10/128"},
                     {{"192.0.2.10", {"www.example.com"}}, {"2001:db8::10", {"www.example.com"}}},
                     {},
                     ""}));
}

TEST(Targets, ANameWithoutAFullAnswerIsToldAndTheRestIsKept) {
  EXPECT_EQ(Found({"gone.example.com", "half.example.com", "::1"}),
            (Outcome{{"192.0.2.30/32", "::1/128"},
                     {{"192.0.2.30", {"half.example.com"}}},
                     {"gone.example.com: NXDOMAIN", "half.example.com: timeout (AAAA)"},
                     ""}));
}

TEST(Targets, APolicysHostIsItsAddressesAndItsNames) {
  EXPECT_EQ(
      InPolicy({"web-1"}),
      (Outcome{{"192.0.2.10/32", "192.0.2.20/32", "2001:db8::10/128"},
               {{"192.0.2.10", {"web-1"}}, {"192.0.2.20", {"web-1"}}, {"2001:db8::10", {"web-1"}}},
               {},
               ""}));
  EXPECT_EQ(InPolicy({"web-1", "db.example.com"}).names["192.0.2.20"],
            (std::vector<std::string>{"web-1", "db.example.com"}));
}

TEST(Targets, AnAddressOutsideThePolicysScopeIsRefused) {
  const std::string advice = "; name targets inside it, or let the policy authorise this one";
  EXPECT_EQ(InPolicy({"192.0.2.10", "198.51.100.1"}).error,
            "198.51.100.1 is outside the policy's scope" + advice);
  EXPECT_EQ(InPolicy({"192.0.2.64/30"}).error,
            "192.0.2.66 (of '192.0.2.64/30') is outside the policy's scope" + advice);
  EXPECT_EQ(InPolicy({"elsewhere.example.com"}).error,
            "198.51.100.1 (of 'elsewhere.example.com') is outside the policy's scope" + advice);
  EXPECT_EQ(InPolicy({"192.0.2.10"}, "vpn").error,
            "192.0.2.10 is outside the policy's scope for viewpoint vpn" + advice);
  EXPECT_EQ(InPolicy({"192.0.2.0/26"}).error, "");
}

TEST(Targets, ALargeRangeIsRefusedWithTheProbesItMeans) {
  const std::string advice = " probes. A range may have up to 65536 addresses; name smaller ranges";
  EXPECT_EQ(Found({"0.0.0.0/0"}).error,
            "0.0.0.0/0 has 4294967296 addresses: at least 4294967296000" + advice);
  EXPECT_EQ(Found({"2001:db8::/63"}).error,
            "2001:db8::/63 has 36893488147419103232 addresses: at least 36893488147419103232000" +
                advice);
  EXPECT_EQ(Found({"2001:db8::/64"}).error,
            "2001:db8::/64 has 18446744073709551616 addresses: at least 18446744073709551616000" +
                advice + ", or let --discover find the hosts of a link of this machine");
  EXPECT_EQ(Found({"10.0.0.0/15"}).error,
            "10.0.0.0/15 has 131072 addresses: at least 131072000" + advice);
  EXPECT_EQ(Found({"10.0.0.0/16"}).prefixes, std::vector<std::string>{"10.0.0.0/16"});
}

TEST(Targets, ALinkIsTakenWhereItsHostsAreToBeDiscovered) {
  const auto policy = SmallPolicy();
  const auto on_link = [&](const char* range, bool in_policy) -> std::string {
    const auto targets =
        FindScanTargets({range}, {1000, in_policy ? &policy : nullptr, {}, true}, FromTable);
    return targets ? targets->links.at(0).ToString() : targets.error().message;
  };
  EXPECT_EQ(on_link("2001:db8::/64", true), "2001:db8::/64");
  EXPECT_EQ(on_link("2001:db8:1::/64", false), "2001:db8:1::/64");
  EXPECT_EQ(on_link("2001:db8:1::/64", true),
            "2001:db8:1::/64 is not wholly inside the policy's scope, and the multicast that finds "
            "its hosts reaches all of it; name smaller ranges");
  EXPECT_EQ(on_link("10.0.0.0/15", false),
            "10.0.0.0/15 has 131072 addresses: at least 131072000 probes. A range may have up to "
            "65536 addresses; name smaller ranges");
}

TEST(Targets, WhatIsNoTargetIsRefusedWithoutAskingDns) {
  const std::pair<std::string, std::string> cases[] = {
      {"192.0.2.300", "'192.0.2.300' is not an address or CIDR prefix"},
      {"192.0.2.1-9", "'192.0.2.1-9' is not an address or CIDR prefix"},
      {"fe80::1%eth0", "'fe80::1%eth0' is not an address or CIDR prefix"},
      {"192.0.2.1/24", "'192.0.2.1/24' has host bits set; the network is 192.0.2.0/24"},
      {"www.example.com/24", "'www.example.com/24' is not an address or CIDR prefix"},
      {"", "'' is not an address or CIDR prefix"},
      {"a b", "'a b' is not an address, a CIDR prefix or a name"},
      {"\x1b[2J", "'\\u{1b}[2J' is not an address, a CIDR prefix or a name"},
      {std::string(254, 'a'),
       "'" + std::string(254, 'a') + "' is not an address, a CIDR prefix or a name"},
  };
  for (const auto& [argument, error] : cases) {
    const auto targets =
        FindScanTargets({argument}, {1, {}, {}}, [](const std::vector<std::string>&) {
          ADD_FAILURE() << "DNS was asked";
          return std::vector<scanner::Resolved>{};
        });
    ASSERT_FALSE(targets) << argument;
    EXPECT_EQ(targets.error().message, error);
  }
}

}  // namespace
}  // namespace postern::cli

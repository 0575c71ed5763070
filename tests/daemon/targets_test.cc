#include "daemon/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/daemon_fixture.h"

namespace postern::daemon {
namespace {

using testing::ElementsAre;

std::vector<std::string> Brief(const Targets& targets) {
  std::vector<std::string> lines;
  for (const auto& target : targets.list) {
    lines.push_back(target.host->name + " " + target.subject + " " + target.address.ToString());
  }
  return lines;
}

constexpr char kNamed[] = R"(version: 1
scope: {authorized_by: test, include: [192.0.2.0/24]}
hosts:
  - {name: a, dns: [a.example.com], owner: x}
  - {name: b, dns: [b.example.com], owner: x}
  - {name: c, addresses: [192.0.2.3], owner: x}
)";

TEST(FindTargetsTest, AnAddressBelongsToOneHostAndTheScopeIsKept) {
  const auto policy = PolicyOf(kNamed);
  const auto targets = FindTargets(*policy, "public", [](const std::vector<std::string>& names) {
    EXPECT_THAT(names, ElementsAre("a.example.com", "b.example.com"));
    return std::vector<scanner::Resolved>{
        {"a.example.com",
         {Address("192.0.2.1"), Address("192.0.2.3"), Address("198.51.100.1")},
         ""},
        {"b.example.com", {Address("192.0.2.1"), Address("192.0.2.2")}, ""}};
  });
  EXPECT_THAT(Brief(targets), ElementsAre("a a.example.com 192.0.2.1", "b b.example.com 192.0.2.2",
                                          "c 192.0.2.3 192.0.2.3"));
  ASSERT_EQ(targets.names.size(), 2U);
  EXPECT_EQ(targets.names[0].name, "a.example.com");
  EXPECT_EQ(targets.names[0].host->name, "a");
  EXPECT_THAT(targets.names[0].addresses,
              ElementsAre(Address("192.0.2.1"), Address("192.0.2.3"), Address("198.51.100.1")));
  EXPECT_TRUE(targets.names[0].full);
}

TEST(FindTargetsTest, ANameThatFailsIsUnresolvedAndWhatItAnsweredStays) {
  const auto policy = PolicyOf(kNamed);
  const auto targets = FindTargets(*policy, "public", [](const std::vector<std::string>&) {
    return std::vector<scanner::Resolved>{{"a.example.com", {Address("192.0.2.1")}, "SERVFAIL"},
                                          {"b.example.com", {}, "NXDOMAIN"}};
  });
  EXPECT_THAT(Brief(targets), ElementsAre("a a.example.com 192.0.2.1", "c 192.0.2.3 192.0.2.3"));
  EXPECT_THAT(targets.unresolved, ElementsAre("a.example.com", "b.example.com"));
  EXPECT_FALSE(targets.names[0].full);
}

TEST(FindTargetsTest, ANameLeadsNeitherToThisMachineNorToASpecialAddress) {
  const auto policy = PolicyOf(R"(version: 1
scope: {authorized_by: test, include: [0.0.0.0/0, "::/0"]}
hosts:
  - {name: a, dns: [a.example.com], owner: x}
  - {name: self, addresses: [192.0.2.8], owner: x}
)");
  const auto targets = FindTargets(*policy, "public", [](const std::vector<std::string>&) {
    return std::vector<scanner::Resolved>{
        {.name = "a.example.com",
         .addresses = {Address("127.0.0.1"), Address("192.0.2.1"), Address("192.0.2.7"),
                       Address("192.0.2.8"), Address("::ffff:192.0.2.1")},
         .own = {Address("192.0.2.7"), Address("192.0.2.8")}}};
  });
  EXPECT_THAT(Brief(targets), ElementsAre("a a.example.com 192.0.2.1", "self 192.0.2.8 192.0.2.8"));
}

constexpr char kIpv4Only[] = R"(version: 1
scope: {authorized_by: test, include: [192.0.2.0/24, "2001:db8::/64"]}
viewpoints:
  office: {description: d, families: [ipv4]}
  dmz: {description: d}
hosts:
  - {name: a, dns: [a.example.com], addresses: ["2001:db8::3"], owner: x}
)";

TEST(FindTargetsTest, AViewpointWithoutAFamilyHearsNothingOfIt) {
  const auto policy = PolicyOf(kIpv4Only);
  const auto answer = [](const std::vector<std::string>&) {
    return std::vector<scanner::Resolved>{{.name = "a.example.com",
                                           .addresses = {Address("192.0.2.1")},
                                           .error = "timeout",
                                           .failed = Family::kIpv6}};
  };
  const auto office = FindTargets(*policy, "office", answer);
  EXPECT_THAT(Brief(office), ElementsAre("a a.example.com 192.0.2.1"));
  EXPECT_THAT(office.unresolved, ElementsAre());
  EXPECT_TRUE(office.names[0].full);
  const auto dmz = FindTargets(*policy, "dmz", answer);
  EXPECT_THAT(dmz.unresolved, ElementsAre("a.example.com"));
  ASSERT_EQ(dmz.unanswered.size(), 1U);
  EXPECT_EQ(dmz.unanswered[0].address, Address("::"));
}

TEST(FindTargetsTest, WhatANameLedToBeforeIsMissedThere) {
  const auto policy = PolicyOf(kNamed);
  auto targets = FindTargets(*policy, "public", [](const std::vector<std::string>&) {
    return std::vector<scanner::Resolved>{{"a.example.com", {}, "NXDOMAIN"},
                                          {"b.example.com", {}, "NXDOMAIN"}};
  });
  EXPECT_EQ(targets.unanswered.size(), 4U) << "both families of both names";
  Remember(*policy, "public",
           {{"a.example.com",
             {{Address("192.0.2.1"), kNow},
              {Address("192.0.2.2"), kNow},
              {Address("192.0.2.3"), kNow}}}},
           targets);
  std::vector<std::string> places;
  for (const auto& target : targets.unanswered) {
    places.push_back(target.subject + " " + target.address.ToString());
  }
  EXPECT_THAT(places, ElementsAre("a.example.com 192.0.2.1", "a.example.com 192.0.2.2",
                                  "b.example.com 0.0.0.0", "b.example.com ::"))
      << "192.0.2.3 is asked for its own host";
}

TEST(FindTargetsTest, AViewpointSeesItsPartOfTheScope) {
  const auto policy = PolicyOf(R"(version: 1
scope: {authorized_by: test, include: [192.0.2.0/24]}
viewpoints:
  dmz: {description: d, include: [192.0.2.0/28]}
hosts:
  - {name: near, addresses: [192.0.2.1], owner: x}
  - {name: far, addresses: [192.0.2.200], owner: x}
)");
  EXPECT_THAT(Brief(FindTargets(*policy, "dmz", NoNames)), ElementsAre("near 192.0.2.1 192.0.2.1"));
}

}  // namespace
}  // namespace postern::daemon

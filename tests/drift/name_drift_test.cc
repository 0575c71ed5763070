#include "drift/name_drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::drift {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;

// www.example.com of web-1, in a scope of 192.0.2.0/24.
class NameDriftTest : public testing::Test {
 protected:
  NameDriftTest() {
    policy_.scope.include = {*Prefix::Parse("192.0.2.0/24")};
    policy_.hosts.front().where = {"policy.yaml", 5, 5};
  }

  std::vector<NameAnswer> Answer(const std::vector<std::string>& addresses,
                                 bool full = true) const {
    NameAnswer answer{"www.example.com", &policy_.hosts.front(), {}, full};
    for (const auto& address : addresses) answer.addresses.push_back(Address(address));
    return {answer};
  }

  static std::vector<std::string> Summaries(const std::vector<Drift>& drifts) {
    std::vector<std::string> texts;
    for (const auto& drift : drifts) texts.push_back(Summary(drift));
    return texts;
  }

  policy::Policy policy_ = OneHost({}, policy::ExpectedState::kNotOpen);
  NameMemory memory_;
};

TEST_F(NameDriftTest, OneDriftNamesAllAddressesOutsideTheScope) {
  EXPECT_THAT(OutOfScopeDrift(policy_, "public", Answer({"192.0.2.1"})), IsEmpty());
  const auto drifts =
      OutOfScopeDrift(policy_, "public", Answer({"192.0.2.1", "198.51.100.1", "2001:db8::9"}));
  EXPECT_THAT(
      Summaries(drifts),
      ElementsAre("www.example.com of web-1 leads to 198.51.100.1, 2001:db8::9, outside the "
                  "scope of this viewpoint; not probed"));
  EXPECT_EQ(drifts[0].owner, "web");
  EXPECT_EQ(drifts[0].rule, "policy.yaml:5:5");
  EXPECT_TRUE(drifts[0].ports.empty());
}

TEST_F(NameDriftTest, AViewpointsOwnScopeCounts) {
  policy_.viewpoints["dmz"].scope.exclude = {*Prefix::Parse("192.0.2.0/28")};
  EXPECT_EQ(OutOfScopeDrift(policy_, "dmz", Answer({"192.0.2.1"})).size(), 1U);
  EXPECT_THAT(OutOfScopeDrift(policy_, "public", Answer({"192.0.2.1"})), IsEmpty());
}

TEST_F(NameDriftTest, NoScopeMakesThisMachineATarget) {
  policy_.scope.include = {*Prefix::Parse("0.0.0.0/0"), *Prefix::Parse("::/0")};
  auto answer = Answer({"127.0.0.1", "192.0.2.1", "192.0.2.7"});
  answer[0].own = {Address("192.0.2.7")};
  EXPECT_THAT(Summaries(OutOfScopeDrift(policy_, "public", answer)),
              ElementsAre("www.example.com of web-1 leads to 127.0.0.1, 192.0.2.7; not probed: "
                          "127.0.0.1 is a loopback address, 192.0.2.7 is an address of the machine "
                          "that posternd runs on"));
  memory_["www.example.com"] = {{Address("192.0.2.9"), kNow}};
  EXPECT_EQ(ChangedNameDrift(policy_, "public", answer, memory_).at(0).addresses,
            std::vector<IpAddress>{Address("192.0.2.1")})
      << "it is told once";
}

TEST_F(NameDriftTest, WhatThePolicyListsItselfIsATargetAllTheSame) {
  policy_.hosts.front().addresses.push_back(Address("127.0.0.1"));
  policy_.host_by_address[Address("127.0.0.1")] = 0;
  EXPECT_EQ(WhyNoTarget(policy_, Answer({"127.0.0.1"})[0], Address("127.0.0.1")), "");
  EXPECT_EQ(WhyNoTarget(policy_, Answer({"127.0.0.1"})[0], Address("127.0.0.2")),
            "a loopback address");
}

TEST_F(NameDriftTest, ANameWithoutAFullAnswerIsUnresolved) {
  EXPECT_THAT(UnresolvedDrift(Answer({"192.0.2.1"})), IsEmpty());
  auto answer = Answer({"192.0.2.1"}, false);
  answer[0].error = "SERVFAIL";
  answer[0].failed = Family::kIpv6;
  const auto drifts = UnresolvedDrift(answer);
  EXPECT_THAT(Summaries(drifts),
              ElementsAre("www.example.com of web-1 does not resolve: SERVFAIL (AAAA); what is "
                          "behind it is unknown"));
  EXPECT_EQ(drifts[0].severity, Severity::kWarning);
  EXPECT_EQ(ObservedText(drifts[0]), "unresolved: SERVFAIL (AAAA)");
  EXPECT_EQ(PlaceOf(drifts[0]).name, "www.example.com");
  answer[0].error = kNotAsked;
  EXPECT_THAT(UnresolvedDrift(answer), IsEmpty()) << "nobody has asked for it yet";
}

TEST_F(NameDriftTest, AFamilyThatTheViewpointLosesTakesItsFindingsAlong) {
  Finding finding;
  finding.drift = OutOfScopeDrift(policy_, "public", Answer({"2001:db8::9"}))[0];
  policy_.hash = "edited";
  EXPECT_EQ(EndOfNameDrift(finding, policy_, "public", Answer({}, false)), std::nullopt);
  policy_.viewpoints["public"].families = {.ipv4 = true, .ipv6 = false};
  EXPECT_EQ(EndOfNameDrift(finding, policy_, "public", Answer({}, false)), Resolution::kWithdrawn);
}

TEST_F(NameDriftTest, AnAnswerOfThousandsIsCut) {
  auto answer = Answer({});
  for (std::uint64_t i = 0; i < 4000; ++i) {
    answer[0].addresses.push_back(Address("198.51.0.0").Plus(i));
  }
  const auto drifts = OutOfScopeDrift(policy_, "public", answer);
  EXPECT_EQ(drifts[0].addresses.size(), kMostDriftAddresses);
  EXPECT_EQ(ObservedText(drifts[0]),
            "answered 198.51.0.0, 198.51.0.1, 198.51.0.2, 198.51.0.3 and 60 more");
}

TEST_F(NameDriftTest, WhatANameDidNotLeadToForThirtyDaysIsNew) {
  const auto changed = [&](const std::vector<std::string>& addresses, bool full = true) {
    return Summaries(ChangedNameDrift(policy_, "public", Answer(addresses, full), memory_));
  };
  EXPECT_THAT(changed({"192.0.2.1"}), IsEmpty()) << "the first answer is no change";

  memory_["www.example.com"] = {{Address("192.0.2.1"), kNow},
                                {Address("192.0.2.2"), kNow - kAddressMemory},
                                {Address("192.0.2.3"), kNow - kAddressMemory - hours(1)}};
  EXPECT_THAT(changed({"192.0.2.1", "192.0.2.2"}), IsEmpty()) << "a pool that takes turns";
  EXPECT_THAT(
      changed({"192.0.2.3", "192.0.2.4", "198.51.100.1"}),
      ElementsAre("www.example.com of web-1 leads to 192.0.2.3, 192.0.2.4, which it did not "
                  "in the last 30 days"));
  EXPECT_THAT(changed({"192.0.2.4"}, /*full=*/false), IsEmpty());
}

TEST_F(NameDriftTest, WhileNobodyAsksNothingIsForgotten) {
  // The daemon did not run for a year: both were in the last answers of that time.
  memory_["www.example.com"] = {{Address("192.0.2.1"), kNow - hours(24 * 365)},
                                {Address("192.0.2.2"), kNow - hours(24 * 380)}};
  EXPECT_THAT(ChangedNameDrift(policy_, "public", Answer({"192.0.2.1", "192.0.2.2"}), memory_),
              IsEmpty());
}

TEST_F(NameDriftTest, AnEventHoldsWhileTheNameLeadsToAnyOfItsAddresses) {
  Drift event;
  event.addresses = {Address("192.0.2.4"), Address("192.0.2.5")};
  EXPECT_EQ(EvidenceOf(event, Answer({"192.0.2.5"})[0]), EventEvidence::kHolds);
  EXPECT_EQ(EvidenceOf(event, Answer({"192.0.2.1"})[0]), EventEvidence::kGone);
  EXPECT_EQ(EvidenceOf(event, Answer({"192.0.2.1"}, false)[0]), EventEvidence::kNone);

  Drift newer;
  newer.addresses = {Address("192.0.2.3")};
  EXPECT_THAT(Merged(event, newer, Answer({"192.0.2.3", "192.0.2.5"})[0]).addresses,
              ElementsAre(Address("192.0.2.3"), Address("192.0.2.5")));
}

}  // namespace
}  // namespace postern::drift

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

#include "drift/unlisted_hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift/drift_fixture.h"
#include "drift/lifecycle.h"
#include "policy/swept_networks.h"

namespace postern::drift {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Prefix Range(std::string_view text) { return *Prefix::Parse(text); }

// Networks of three owners, one of them to be ignored; 192.0.2.1 and 2001:db8::1 are web-1's.
policy::Policy Networks() {
  auto policy = OneHost({}, policy::ExpectedState::kNotOpen);
  policy.scope.include = {Range("192.0.2.0/24"), Range("2001:db8::/32")};
  policy.scope.exclude = {Range("192.0.2.3/32")};
  policy.networks = {
      {Range("192.0.2.0/28"), "network", true, false, {"policy.yaml", 3, 5}},
      {Range("192.0.2.8/30"), "lab", false, false, {"policy.yaml", 4, 5}},
      {Range("2001:db8::/64"), "network-v6", true, true, {"policy.yaml", 5, 5}},
  };
  policy.host_by_address = {{Address("192.0.2.1"), 0}, {Address("2001:db8::1"), 0}};
  return policy;
}

LiveAddress Up(std::string_view address, Reason::Kind sign = Reason::Kind::kEcho,
               std::string responder = {}) {
  return {Address(address), {sign, 0, 0}, std::move(responder), false};
}

// All of 192.0.2.0/28 but the ignored part was asked, and one address of the link.
Discovery Asked(std::vector<LiveAddress> up, const std::vector<const char*>& unknown = {}) {
  Discovery discovery;
  discovery.up = std::move(up);
  for (const char* address : unknown) discovery.unknown.push_back(Address(address));
  discovery.asked = {Range("192.0.2.0/29"), Range("192.0.2.12/30"), Range("2001:db8::9/128")};
  return discovery;
}

std::vector<Drift> DriftIn(const policy::Policy& policy, const Discovery& discovery,
                           const std::vector<AddressStates>& seen = {}) {
  return UnlistedDrift(FindUnlisted(policy, "public", {Address("192.0.2.2")}, discovery), seen);
}

TEST(UnlistedHosts, AreLiveInAReportedNetworkAndNobodys) {
  const auto policy = Networks();
  const auto drifts = DriftIn(
      policy, Asked({Up("192.0.2.1"), Up("192.0.2.2"), Up("192.0.2.3"), Up("192.0.2.4"),
                     Up("192.0.2.9"), Up("198.51.100.1"), Up("2001:db8::1"), Up("2001:db8::9")}));
  EXPECT_THAT(Brief(drifts), ElementsAre("unlisted_host warning 192.0.2.4 ",
                                         "unlisted_host warning 2001:db8::9 "));
}

TEST(UnlistedHosts, AreLookedForFromTheViewpointsOfTheirNetwork) {
  auto policy = Networks();
  policy.networks[0].from = {"inside"};
  const auto answers = Asked({Up("192.0.2.4"), Up("2001:db8::9")});
  EXPECT_THAT(Brief(DriftIn(policy, answers)), ElementsAre("unlisted_host warning 2001:db8::9 "));
  EXPECT_FALSE(policy::IsSwept(policy, "public", policy.networks[0]));
  EXPECT_TRUE(policy::IsSwept(policy, "inside", policy.networks[0]));
}

TEST(UnlistedHosts, OneDriftHasAllThatIsKnownOfTheHost) {
  const auto policy = Networks();
  const auto drifts = DriftIn(policy, Asked({Up("192.0.2.4", Reason::Kind::kArp, "020000000004")}),
                              {States("192.0.2.4", {{Port(22), PortState::kOpen},
                                                    {{23, 79}, PortState::kClosed},
                                                    {Port(80), PortState::kOpen}})});
  Drift expected;
  expected.kind = DriftKind::kUnlistedHost;
  expected.severity = Severity::kWarning;
  expected.host = "192.0.2.4";
  expected.owner = "network";
  expected.subject = "192.0.2.4";
  expected.address = Address("192.0.2.4");
  expected.ports = Ports("tcp/22,80");
  expected.observed = {PortState::kOpen, {Reason::Kind::kArp, 0, 0}};
  expected.expected = "no unlisted host in 192.0.2.0/28";
  expected.rule = "policy.yaml:3:5";
  ASSERT_EQ(drifts.size(), 1U);
  EXPECT_EQ(drifts[0], expected);
  EXPECT_EQ(Summary(drifts[0]),
            "192.0.2.4 is up (arp) and no host of the policy has it; tcp/22,80 open");
}

TEST(UnlistedHosts, MoreThanHalfThatAnswerAlikeAreOneFinding) {
  const auto policy = Networks();
  // Seven of the twelve by one link-layer address, and one with a link-layer address of its own.
  std::vector<LiveAddress> up = {
      Up("192.0.2.0", Reason::Kind::kArp, "0a"),  Up("192.0.2.4", Reason::Kind::kArp, "0a"),
      Up("192.0.2.5", Reason::Kind::kArp, "0a"),  Up("192.0.2.6", Reason::Kind::kArp, "0b"),
      Up("192.0.2.7", Reason::Kind::kArp, "0a"),  Up("192.0.2.12", Reason::Kind::kArp, "0a"),
      Up("192.0.2.13", Reason::Kind::kArp, "0a"), Up("192.0.2.14", Reason::Kind::kArp, "0a")};
  const auto drifts = DriftIn(policy, Asked(up));
  EXPECT_THAT(Brief(drifts), ElementsAre("unlisted_host warning 192.0.2.6 ",
                                         "unlisted_host warning 192.0.2.0/28 "));
  EXPECT_EQ(Summary(drifts.back()),
            "more than half of the addresses of 192.0.2.0/28 that no host of the policy has answer "
            "alike (arp)");
  EXPECT_TRUE(StandsFor(drifts.back(), drifts.front()));
  EXPECT_FALSE(StandsFor(drifts.front(), drifts.back()));
  EXPECT_FALSE(AnswersNoLongerAlike(drifts.back(), policy, Asked(up)));

  up.pop_back();
  EXPECT_EQ(DriftIn(policy, Asked(up)).size(), 7U) << "half is not more than half";
  EXPECT_TRUE(AnswersNoLongerAlike(drifts.back(), policy, Asked(up)));
  EXPECT_FALSE(AnswersNoLongerAlike(drifts.back(), policy, Asked(up, {"192.0.2.15"})))
      << "the unknown one may be the seventh";
  EXPECT_FALSE(AnswersNoLongerAlike(drifts.back(), policy, Discovery{})) << "nothing was asked";
}

TEST(UnlistedHosts, OneHostMayHaveMostAddressesOfALink) {
  auto discovery = Asked({});
  discovery.asked.clear();
  for (const char* address : {"2001:db8::11", "2001:db8::12", "2001:db8::13", "2001:db8::14"}) {
    discovery.up.push_back(Up(address, Reason::Kind::kNeighbourDiscovery, "0a"));
    discovery.asked.push_back(Range(std::string(address) + "/128"));
  }
  EXPECT_EQ(DriftIn(Networks(), discovery).size(), 4U);
}

TEST(UnlistedHosts, AreSilentOnlyWhenAskedWithCertainty) {
  const auto policy = Networks();
  const auto drift = DriftIn(policy, Asked({Up("192.0.2.4")})).at(0);
  EXPECT_TRUE(IsSilent(drift, Asked({})));
  EXPECT_FALSE(IsSilent(drift, Asked({Up("192.0.2.4")})));
  EXPECT_FALSE(IsSilent(drift, Asked({}, {"192.0.2.4"})));
  auto elsewhere = Asked({});
  elsewhere.asked = {Range("192.0.2.12/30")};
  EXPECT_FALSE(IsSilent(drift, elsewhere));
}

TEST(UnlistedHosts, EndWithoutAProbeWhereThePolicyNoLongerAsks) {
  const auto policy = Networks();
  const auto drift = DriftIn(policy, Asked({Up("192.0.2.4")})).at(0);
  EXPECT_EQ(EndOfUnlisted(drift, policy, "public", {}), std::nullopt);
  EXPECT_EQ(EndOfUnlisted(drift, policy, "public", {Address("192.0.2.4")}), Resolution::kPolicy);

  auto named = policy;
  named.host_by_address.emplace(Address("192.0.2.4"), 0);
  EXPECT_EQ(EndOfUnlisted(drift, named, "public", {}), Resolution::kPolicy);
  auto ignored = policy;
  ignored.networks[0].report_unlisted = false;
  EXPECT_EQ(EndOfUnlisted(drift, ignored, "public", {}), Resolution::kPolicy);
  auto gone = policy;
  gone.networks.clear();
  EXPECT_EQ(EndOfUnlisted(drift, gone, "public", {}), Resolution::kPolicy);
  auto excluded = policy;
  excluded.scope.exclude.push_back(Range("192.0.2.4/32"));
  EXPECT_EQ(EndOfUnlisted(drift, excluded, "public", {}), Resolution::kWithdrawn);
  auto elsewhere = policy;
  elsewhere.viewpoints["public"].scope.exclude = {Range("192.0.2.0/28")};
  EXPECT_EQ(EndOfUnlisted(drift, elsewhere, "public", {}), Resolution::kWithdrawn);

  auto from = policy;
  from.networks[0].from = {"inside"};
  EXPECT_EQ(EndOfUnlisted(drift, from, "public", {}), Resolution::kWithdrawn);
  EXPECT_EQ(EndOfUnlisted(drift, from, "inside", {}), std::nullopt);

  Drift whole = drift;
  whole.subject = "192.0.2.0/28";
  whole.address = Address("192.0.2.0");
  EXPECT_EQ(EndOfUnlisted(whole, policy, "public", {}), std::nullopt);
  EXPECT_EQ(EndOfUnlisted(whole, ignored, "public", {}), Resolution::kPolicy);
  EXPECT_EQ(EndOfUnlisted(whole, elsewhere, "public", {}), Resolution::kWithdrawn);
}

// The life of the finding of 192.0.2.4, run by run.
class UnlistedLife : public testing::Test {
 protected:
  // What became of it: its state and resolution, or "" where there is none.
  std::string Run(const std::optional<Discovery>& discovery) {
    Judgement judgement;
    judgement.now = kNow + std::chrono::hours(++run_);
    judgement.run = run_;
    judgement.viewpoint = "public";
    judgement.policy = &policy_;
    judgement.absences = &absences_;
    std::vector<Drift> drifts;
    if (discovery) drifts = DriftIn(policy_, *discovery);
    judgement.drifts = drifts;
    judgement.discovery = discovery ? &*discovery : nullptr;
    const auto advance = AdvanceFindings(findings_, judgement);
    if (!advance.changed.empty()) findings_ = advance.changed;
    if (!advance.dropped.empty()) findings_.clear();
    return State();
  }

  std::string State() const {
    if (findings_.empty()) return "";
    const auto& finding = findings_.front();
    std::string text(ToString(finding.state));
    if (finding.resolution) text += " " + std::string(ToString(*finding.resolution));
    return text;
  }

  const Discovery there_ = Asked({Up("192.0.2.4")});
  const Discovery silent_ = Asked({});
  policy::Policy policy_ = Networks();
  Absences absences_;
  std::vector<Finding> findings_;
  int run_ = 0;
};

TEST_F(UnlistedLife, OpensWithTheSecondRunAndSilenceNeverFixesIt) {
  EXPECT_EQ(Run(there_), "pending");
  EXPECT_EQ(Run(std::nullopt), "pending") << "a run of another scan";
  EXPECT_EQ(Run(there_), "open");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Run(silent_), "open");
  absences_[Address("192.0.2.4")] = Absence{.since = kNow};
  EXPECT_EQ(Run(silent_), "open");
  EXPECT_EQ(findings_.front().unverified_since, kNow);
  absences_.clear();
  EXPECT_EQ(Run(there_), "open");
  EXPECT_EQ(findings_.front().unverified_since, std::nullopt);
}

TEST_F(UnlistedLife, IsGoneOnceItsAddressIs) {
  Run(there_);
  Run(there_);
  absences_[Address("192.0.2.4")] = Absence{.since = kNow, .gone = true};
  EXPECT_EQ(Run(silent_), "resolved gone");
}

TEST_F(UnlistedLife, APendingOneThatIsGoneWasNothing) {
  EXPECT_EQ(Run(there_), "pending");
  EXPECT_EQ(Run(silent_), "pending");
  absences_[Address("192.0.2.4")] = Absence{.since = kNow, .gone = true};
  EXPECT_EQ(Run(silent_), "");
}

TEST_F(UnlistedLife, EndsWithThePolicyWithoutAnyRun) {
  Run(there_);
  Run(there_);
  policy_.networks[0].report_unlisted = false;
  EXPECT_EQ(Run(std::nullopt), "resolved policy");
}

}  // namespace
}  // namespace postern::drift

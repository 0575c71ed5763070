#include "drift/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "drift/acknowledge.h"
#include "drift/drift_fixture.h"
#include "drift/history_drift.h"
#include "drift/policy_drift.h"

namespace postern::drift {
namespace {

using policy::ExpectedState;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr auto kOpen = PortState::kOpen;
constexpr auto kClosed = PortState::kClosed;
constexpr auto kFiltered = PortState::kFiltered;

// A daemon's memory in small: one host, 192.0.2.1, and what run after run makes of it.
constexpr std::chrono::minutes kYear = std::chrono::days(365);

class LifecycleTest : public testing::Test {
 protected:
  // Runs a scan that saw `tcp`, and returns what receivers are told, as "opened", "resolved fixed".
  std::vector<std::string> Run(const Sight& tcp, bool second_method = true) {
    const auto seen = States("192.0.2.1", tcp);
    return Advance(&seen, second_method);
  }

  // Judges a changed policy without a packet.
  std::vector<std::string> Edit(policy::Policy policy) {
    policy.hash = "hash-" + std::to_string(++edits_);
    policy_ = std::move(policy);
    return Advance(nullptr, false);
  }

  const Finding& Only() const {
    EXPECT_EQ(findings_.size(), 1U);
    return findings_.begin()->second;
  }

  policy::Policy policy_ = OneHost({}, ExpectedState::kNotOpen);
  bool trusted_ = true;
  std::optional<Absence> absence_;  // what the runs make of the address, with proof of the path
  std::set<std::string> unresolved_names_;
  std::function<Duration()> between_runs_ = [] { return std::chrono::minutes(1); };
  std::map<std::string, Finding> findings_;
  TimePoint now_ = kNow;

 private:
  std::vector<std::string> Advance(const AddressStates* seen, bool second_method) {
    now_ += between_runs_();
    std::vector<JudgedAddress> addresses;
    for (const auto& host : policy_.hosts) {
      addresses.push_back(Judge(host, "192.0.2.1", known_, trusted_ ? seen : nullptr));
      if (absence_ && trusted_ && seen != nullptr) {
        addresses.back() = WithAbsence(addresses.back(), *seen, *absence_, absence_->vouched);
      }
    }
    if (!addresses.empty()) known_ = addresses.front().now;

    auto drifts = PolicyDrift(policy_, "public", addresses, now_);
    auto events = HistoryDrift(policy_, "public", addresses);
    drifts.insert(drifts.end(), events.begin(), events.end());

    Judgement judgement;
    judgement.now = now_;
    judgement.run = seen == nullptr ? 0 : ++run_;
    judgement.viewpoint = "public";
    judgement.policy = &policy_;
    judgement.addresses = addresses;
    judgement.unresolved_names = unresolved_names_;
    judgement.drifts = drifts;
    for (const auto& drift : drifts) {
      if (second_method) judgement.confirmed.insert(FindingId("public", drift));
    }
    return Keep(judgement);
  }

  std::vector<std::string> Keep(const Judgement& judgement) {
    std::vector<Finding> stored;
    for (const auto& [id, finding] : findings_) stored.push_back(finding);
    const auto advance = AdvanceFindings(stored, judgement);
    for (const auto& id : advance.dropped) findings_.erase(id);
    for (const auto& finding : advance.changed) findings_[finding.id] = finding;
    std::vector<std::string> told;
    for (const auto& transition : advance.transitions) {
      const auto& finding = findings_.at(transition.finding_id);
      told.push_back(std::string(ToString(transition.kind)) +
                     (finding.resolution ? " " + std::string(ToString(*finding.resolution)) : ""));
    }
    return told;
  }

  AddressStates known_{Address("192.0.2.1"), {}};
  std::int64_t run_ = 0;
  int edits_ = 1;
};

TEST_F(LifecycleTest, HalfAnAnswerOfItsNameFreezesAFinding) {
  Run({{Port(6379), kOpen}});
  unresolved_names_ = {"192.0.2.1"};  // the subject; its address is there, another family is not
  EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty());
  EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty()) << "the other family may be open";
  unresolved_names_.clear();
  EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty());
  EXPECT_THAT(Run({{Port(6379), kClosed}}), ElementsAre("resolved fixed"));
}

TEST_F(LifecycleTest, AnUnexpectedOpenThatASecondMethodSawOpensAtOnce) {
  EXPECT_THAT(Run({{Port(6379), kOpen}}), ElementsAre("opened"));
  EXPECT_EQ(Only().state, FindingState::kOpen);
  EXPECT_THAT(Run({{Port(6379), kOpen}}), IsEmpty()) << "one event, one notification";
}

TEST_F(LifecycleTest, MethodsThatDisagreeOpenAfterThreeRuns) {
  EXPECT_THAT(Run({{Port(6379), kOpen}}, false), IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kPending);
  EXPECT_THAT(Run({{Port(6379), kOpen}}, false), IsEmpty());
  EXPECT_THAT(Run({{Port(6379), kOpen}}, false), ElementsAre("opened"));
}

TEST_F(LifecycleTest, APendingFindingThatIsGoneIsDroppedUnheard) {
  Run({{Port(6379), kOpen}}, false);
  EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty());
  EXPECT_TRUE(findings_.empty());
}

TEST_F(LifecycleTest, EveryOtherKindNeedsASecondRunInARow) {
  policy_ = OneHost({Rule("tcp/443", ExpectedState::kOpen)}, ExpectedState::kNotOpen);
  EXPECT_THAT(Run({{Port(443), kClosed}}), IsEmpty());
  EXPECT_THAT(Run({{Port(443), kOpen}}), IsEmpty());
  EXPECT_THAT(Run({{Port(443), kClosed}}), IsEmpty()) << "not in a row";
  EXPECT_THAT(Run({{Port(443), kClosed}}), ElementsAre("opened"));
}

TEST_F(LifecycleTest, TwoFreshAgreeingRunsResolve) {
  Run({{Port(6379), kOpen}});
  EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty());
  EXPECT_THAT(Run({{Port(6379), kOpen}}), IsEmpty()) << "it was there all the time";
  EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty());
  EXPECT_THAT(Run({{Port(6379), kClosed}}), ElementsAre("resolved fixed"));
}

TEST_F(LifecycleTest, OnlyEvidenceResolves) {
  Run({{Port(6379), kOpen}});
  for (int run = 0; run < 5; ++run) {
    EXPECT_THAT(Run({{Port(22), kClosed}}), IsEmpty()) << "its port was not asked";
    EXPECT_THAT(Run({{Port(6379), PortState::kUnknown}}), IsEmpty()) << "asked, and unknown";
    trusted_ = false;
    EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty()) << "a blind viewpoint";
    trusted_ = true;
    absence_ = Absence{.since = now_, .vouched = true};
    EXPECT_THAT(Run({{Port(6379), kFiltered}}), IsEmpty()) << "silence of a silent address";
    absence_->kind = Absence::Kind::kChanged;
    EXPECT_THAT(Run({{Port(6379), kClosed}}), IsEmpty()) << "an answer that all its ports give";
    absence_.reset();
  }
  EXPECT_EQ(Only().state, FindingState::kOpen);
  Run({{Port(6379), kFiltered}});
  EXPECT_THAT(Run({{Port(6379), kFiltered}}), ElementsAre("resolved fixed"));
}

TEST_F(LifecycleTest, AFindingThatReturnsIsTheNextEpisodeOfTheSame) {
  Run({{Port(6379), kOpen}});
  const std::string id = Only().id;
  Run({{Port(6379), kClosed}});
  Run({{Port(6379), kClosed}});
  EXPECT_THAT(Run({{Port(6379), kOpen}}), ElementsAre("opened"));
  EXPECT_EQ(DisplayId(Only()), id + "-2");
}

TEST_F(LifecycleTest, AReturnThatIsNotConfirmedLeavesTheEndingAsItWas) {
  Run({{Port(6379), kOpen}});
  Run({{Port(6379), kClosed}});
  Run({{Port(6379), kClosed}});
  const Finding ended = Only();
  Run({{Port(6379), kOpen}}, false);
  Run({{Port(6379), kClosed}});
  EXPECT_EQ(DisplayId(Only()), ended.id);
  EXPECT_EQ(Only().state, FindingState::kResolved);
  EXPECT_EQ(Only().resolution, Resolution::kFixed);
  EXPECT_EQ(Only().resolved, ended.resolved);
  EXPECT_EQ(Only().resolved_by, "closed (rst)");
}

TEST_F(LifecycleTest, APolicyThatAllowsItResolvesWithoutAPacket) {
  Run({{Port(6379), kOpen}});
  EXPECT_THAT(Edit(OneHost({Rule("tcp/6379", ExpectedState::kOpen)}, ExpectedState::kNotOpen)),
              ElementsAre("resolved policy"));
}

TEST_F(LifecycleTest, AnUnrelatedEditChangesNothing) {
  Run({{Port(6379), kOpen}});
  EXPECT_THAT(Edit(OneHost({Rule("tcp/22", ExpectedState::kAllowed)}, ExpectedState::kNotOpen)),
              IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kOpen);
}

TEST_F(LifecycleTest, ADisagreementOfThePolicysMakingWaitsForARun) {
  policy_ = OneHost({Rule("tcp/80", ExpectedState::kOpen)}, ExpectedState::kNotOpen);
  Run({{Port(80), kOpen}});
  EXPECT_THAT(Edit(OneHost({}, ExpectedState::kNotOpen)), IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kPending);
  EXPECT_THAT(Run({{Port(80), kOpen}}), ElementsAre("opened"));
}

TEST_F(LifecycleTest, AHostThatLeavesThePolicyWithdrawsItsFindings) {
  Run({{Port(6379), kOpen}});
  EXPECT_THAT(Edit(policy::Policy{}), ElementsAre("resolved withdrawn"));
}

TEST_F(LifecycleTest, ANameThatDoesNotResolveEndsNothing) {
  Run({{Port(6379), kOpen}});
  unresolved_names_ = {"192.0.2.1"};  // stands for the subject's name
  EXPECT_THAT(Edit(policy::Policy{}), IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kOpen);
}

TEST_F(LifecycleTest, AnAcceptanceSilencesUntilItEnds) {
  auto accepted = OneHost({}, ExpectedState::kNotOpen);
  policy::AcceptRule accept;
  accept.ports = Ports("tcp/6379");
  accept.acceptance = {std::chrono::floor<std::chrono::days>(kNow), "known", "OPS-1"};
  accepted.hosts.front().accept.push_back(accept);

  Run({{Port(6379), kOpen}});
  EXPECT_THAT(Edit(accepted), ElementsAre("changed"));
  EXPECT_EQ(Only().state, FindingState::kAccepted);
  between_runs_ = [] { return std::chrono::hours(24); };
  EXPECT_THAT(Run({{Port(6379), kOpen}}), ElementsAre("opened"));
  EXPECT_EQ(Only().state, FindingState::kOpen);
}

TEST_F(LifecycleTest, WhatChangesOfASilencedFindingIsNoNews) {
  policy::AcceptRule accept;
  accept.ports = Ports("tcp/6379");
  accept.acceptance = {std::chrono::floor<std::chrono::days>(kNow), "known", "OPS-1"};
  policy_.hosts.front().accept.push_back(accept);
  Run({{Port(6379), kOpen}, {Port(8080), kOpen}});
  for (auto& [id, finding] : findings_) {
    if (finding.state != FindingState::kOpen) continue;
    finding.state = FindingState::kAcknowledged;
    finding.acknowledgement = Acknowledgement{"alice", kNow, "known", kNow + std::chrono::hours(9)};
  }
  auto other = policy_;
  other.hosts.front().owner = "somebody else";
  EXPECT_THAT(Edit(other), IsEmpty());
  for (const auto& [id, finding] : findings_) EXPECT_EQ(finding.drift.owner, "somebody else");
}

TEST_F(LifecycleTest, AnAcceptedDriftIsAcceptedFromTheStart) {
  policy::AcceptRule accept;
  accept.ports = Ports("tcp/6379");
  accept.acceptance = {std::chrono::floor<std::chrono::days>(kNow), "known", "OPS-1"};
  policy_.hosts.front().accept.push_back(accept);
  EXPECT_THAT(Run({{Port(6379), kOpen}}), IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kAccepted);
}

TEST_F(LifecycleTest, AnAcknowledgementEndsAtItsTimeOrWhenTheSeverityRises) {
  Run({{Port(8080), kOpen}});
  const auto acknowledge = [this] {
    auto& finding = findings_.begin()->second;
    finding.state = FindingState::kAcknowledged;
    finding.acknowledgement =
        Acknowledgement{"alice", kNow, "known", kNow + std::chrono::minutes(10)};
  };
  acknowledge();
  EXPECT_THAT(Run({{Port(8080), kOpen}}), IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kAcknowledged);

  auto severe = policy_;
  severe.hosts.front().criticality = policy::Criticality::kHigh;
  EXPECT_THAT(Edit(severe), ElementsAre("opened"));
  EXPECT_EQ(Only().acknowledgement, std::nullopt);

  acknowledge();
  between_runs_ = [] { return std::chrono::minutes(11); };
  trusted_ = false;
  EXPECT_THAT(Run({{Port(8080), kOpen}}), ElementsAre("opened")) << "time passes for the blind too";
  EXPECT_EQ(Only().state, FindingState::kOpen);
}

TEST_F(LifecycleTest, AnAcknowledgementDoesNotOutliveAClockThatIsSetBack) {
  Run({{Port(8080), kOpen}});
  auto& finding = findings_.begin()->second;
  finding.state = FindingState::kAcknowledged;
  finding.acknowledgement = Acknowledgement{"alice", finding.last_seen, "known",
                                            finding.last_seen + kLongestAcknowledgement};
  between_runs_ = [] { return std::chrono::minutes(-30); };  // put right by a little
  EXPECT_THAT(Run({{Port(8080), kOpen}}), IsEmpty());
  between_runs_ = [] { return -kYear; };
  EXPECT_THAT(Run({{Port(8080), kOpen}}), ElementsAre("opened"));
}

TEST_F(LifecycleTest, AClockThatIsSetResolvesAndLosesNothing) {
  Run({{Port(8080), kOpen}});
  for (const auto set : {kYear, -2 * kYear}) {
    between_runs_ = [set] { return set; };
    EXPECT_THAT(Run({{Port(8080), kOpen}}), IsEmpty());
    EXPECT_EQ(Only().state, FindingState::kOpen);
  }
  EXPECT_THAT(Run({{Port(8080), kClosed}}), IsEmpty());
  EXPECT_THAT(Run({{Port(8080), kClosed}}), ElementsAre("resolved fixed"));
}

TEST_F(LifecycleTest, AnEventEndsThoughTheClockIsSetBack) {
  policy_ = OneHost({Rule("tcp/80", ExpectedState::kAllowed)}, ExpectedState::kNotOpen);
  Run({{Port(80), kClosed}});
  Run({{Port(80), kOpen}});
  EXPECT_THAT(Run({{Port(80), kOpen}}), ElementsAre("opened"));
  between_runs_ = [] { return -kYear; };
  EXPECT_THAT(Run({{Port(80), kOpen}}), ElementsAre("resolved expired"));
}

TEST_F(LifecycleTest, AnAcknowledgedFindingIsResolvedByEvidenceAsAnyOther) {
  Run({{Port(8080), kOpen}});
  auto& finding = findings_.begin()->second;
  finding.state = FindingState::kAcknowledged;
  finding.acknowledgement = Acknowledgement{"alice", kNow, "known", kNow + std::chrono::hours(9)};
  Run({{Port(8080), kClosed}});
  EXPECT_THAT(Run({{Port(8080), kClosed}}), ElementsAre("resolved fixed"));
}

TEST_F(LifecycleTest, AnAcknowledgementOutlivesAnEndThatIsFollowedByAReturn) {
  const auto acknowledged = [this] {
    Run({{Port(8080), kOpen}});
    auto& finding = findings_.begin()->second;
    finding.state = FindingState::kAcknowledged;
    finding.acknowledgement = Acknowledgement{"alice", now_, "known", now_ + std::chrono::hours(9)};
    Run({{Port(8080), kClosed}});
    EXPECT_THAT(Run({{Port(8080), kClosed}}), ElementsAre("resolved fixed"));
  };
  acknowledged();
  EXPECT_THAT(Run({{Port(8080), kOpen}}), IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kAcknowledged);
  EXPECT_EQ(Only().episode, 2);

  between_runs_ = [] { return std::chrono::hours(10); };
  EXPECT_THAT(Run({{Port(8080), kOpen}}), ElementsAre("opened")) << "it lapses as any other";
  between_runs_ = [] { return std::chrono::minutes(1); };
  acknowledged();
  between_runs_ = [] { return std::chrono::hours(24 * 8); };
  EXPECT_THAT(Run({{Port(8080), kOpen}}), ElementsAre("opened")) << "a return after a week is new";
}

TEST_F(LifecycleTest, WhatCannotBeVerifiedStaysAndSaysSinceWhen) {
  Run({{Port(6379), kOpen}});
  const auto since = now_;
  absence_ = Absence{.kind = Absence::Kind::kChanged, .since = since, .vouched = true};
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Run({{Port(6379), kFiltered}}), IsEmpty());
  EXPECT_EQ(Only().state, FindingState::kOpen);
  EXPECT_EQ(Only().unverified_since, since);
  absence_.reset();
  EXPECT_THAT(Run({{Port(6379), kOpen}}), IsEmpty()) << "nobody is told again";
  EXPECT_EQ(Only().unverified_since, std::nullopt);
}

TEST_F(LifecycleTest, WhatAnAddressThatIsGoneAnsweredEndsAsGone) {
  policy_ = OneHost({Rule("tcp/443", ExpectedState::kOpen)}, ExpectedState::kNotOpen);
  Run({{Port(443), kOpen}, {Port(6379), kOpen}});
  absence_ = Absence{.since = now_, .vouched = true};
  const Sight silence = {{Port(443), kFiltered}, {Port(6379), kFiltered}};
  Run(silence);
  EXPECT_THAT(Run(silence), ElementsAre("opened")) << "the host is unreachable";
  absence_->gone = true;
  EXPECT_THAT(Run(silence), ElementsAre("resolved gone"));
  absence_.reset();
  EXPECT_THAT(Run({{Port(443), kOpen}, {Port(6379), kOpen}}), ElementsAre("opened"));
  EXPECT_THAT(Run({{Port(443), kOpen}, {Port(6379), kOpen}}), ElementsAre("resolved fixed"))
      << "it is reachable again";
}

TEST_F(LifecycleTest, AnUnreachableHostDoesNotResolveItsMissingPorts) {
  policy_ = OneHost({Rule("tcp/80,443", ExpectedState::kOpen)}, ExpectedState::kNotOpen);
  const Sight one_gone = {{Port(80), kOpen}, {Port(443), kClosed}};
  const Sight all_gone = {{Port(80), kFiltered}, {Port(443), kFiltered}};
  Run(one_gone);
  EXPECT_THAT(Run(one_gone), ElementsAre("opened"));
  absence_ = Absence{.since = now_};
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Run(all_gone), IsEmpty()) << "nothing proves the path";
  absence_->vouched = true;
  EXPECT_THAT(Run(all_gone), IsEmpty());
  EXPECT_THAT(Run(all_gone), ElementsAre("opened"));
  EXPECT_THAT(Run(all_gone), IsEmpty());
}

TEST_F(LifecycleTest, AHostThatTurnsTheScannerAwayInTheCourseOfARunIsNotUnreachable) {
  policy_ = OneHost({Rule("tcp/443", ExpectedState::kOpen)}, ExpectedState::kNotOpen);
  Run({{Port(443), kOpen}});
  absence_ = Absence{.kind = Absence::Kind::kChanged, .since = now_, .vouched = true};
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(Run({{Port(443), kOpen}, {Port(444), kFiltered}}), IsEmpty()) << "it was reached";
  }
  EXPECT_THAT(Run({{Port(443), kFiltered}}), IsEmpty());
  EXPECT_THAT(Run({{Port(443), kFiltered}}), ElementsAre("opened"));
}

TEST_F(LifecycleTest, AHostThatAnswersEverywhereDoesNotResolveItsOpenPorts) {
  const auto states = [&] {
    std::multimap<std::string_view, FindingState> states;
    for (const auto& [id, finding] : findings_) {
      if (IsEvent(finding.drift.kind)) continue;
      states.emplace(ToString(finding.drift.kind), finding.state);
    }
    return states;
  };
  Run({{{80, 80}, kOpen}, {{81, 9000}, kClosed}});
  for (int i = 0; i < 3; ++i) Run({{{1, 9000}, kOpen}});
  EXPECT_THAT(states(), ElementsAre(Pair("all_ports_open", FindingState::kOpen),
                                    Pair("unexpected_open", FindingState::kOpen)));
  for (int i = 0; i < 2; ++i) Run({{{1, 9000}, kClosed}});
  EXPECT_THAT(states(), ElementsAre(Pair("all_ports_open", FindingState::kResolved),
                                    Pair("unexpected_open", FindingState::kResolved)));
}

TEST_F(LifecycleTest, AnEventNeedsASecondRunAndEndsByItself) {
  policy_ = OneHost({Rule("tcp/80", ExpectedState::kAllowed)}, ExpectedState::kNotOpen);
  EXPECT_THAT(Run({{Port(80), kClosed}}), IsEmpty());
  EXPECT_THAT(Run({{Port(80), kOpen}}), IsEmpty());
  EXPECT_THAT(Run({{Port(80), kOpen}}), ElementsAre("opened"));
  EXPECT_THAT(Run({{Port(80), kOpen}}), IsEmpty());
  between_runs_ = [] { return std::chrono::minutes(61); };
  EXPECT_THAT(Run({{Port(80), kOpen}}), ElementsAre("resolved expired"));
}

TEST_F(LifecycleTest, AnEventThatWasABlinkIsDropped) {
  policy_ = OneHost({Rule("tcp/80", ExpectedState::kAllowed)}, ExpectedState::kNotOpen);
  Run({{Port(80), kOpen}});
  Run({{Port(80), kClosed}});
  Run({{Port(22), kClosed}});
  EXPECT_EQ(Only().state, FindingState::kPending) << "a run that did not ask decides nothing";
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Run({{Port(80), kOpen}}), IsEmpty());
  EXPECT_TRUE(findings_.empty());
}

TEST_F(LifecycleTest, FindingsOfAnotherViewpointAreLeftAlone) {
  Run({{Port(6379), kOpen}});
  Finding other = Only();
  other.viewpoint = "vpn";
  Judgement judgement;
  judgement.now = kNow;
  judgement.run = 9;
  judgement.viewpoint = "public";
  judgement.policy = &policy_;
  const auto advance = AdvanceFindings(std::vector{other}, judgement);
  EXPECT_THAT(advance.changed, IsEmpty());
  EXPECT_THAT(advance.transitions, IsEmpty());
}

}  // namespace
}  // namespace postern::drift

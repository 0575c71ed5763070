// Runs whose names lead here and there, through a real store, as the daemon judges and commits
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/judging.h"
#include "daemon/stored_test.h"

namespace postern::daemon {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;
using Addresses = std::vector<std::string>;

constexpr char kNamed[] = R"(version: 1
scope: {authorized_by: test, include: [192.0.2.0/24]}
networks:
  - {cidr: 192.0.2.0/28, owner: network}
hosts:
  - {name: web-1, dns: [www.example.com], owner: web}
)";
constexpr char kWiderScope[] = R"(version: 1
scope: {authorized_by: test, include: [192.0.2.0/24, 198.51.100.0/24]}
hosts:
  - {name: web-1, dns: [www.example.com], owner: web}
)";
constexpr char kOtherName[] = R"(version: 1
scope: {authorized_by: test, include: [192.0.2.0/24]}
hosts:
  - {name: web-1, dns: [web.example.com], owner: web}
)";

class NameJudgingTest : public StoredTest {
 protected:
  Targets Resolve(const Addresses& addresses, const std::string& error) const {
    return FindTargets(*setup_.policy, "public", [&](const std::vector<std::string>& names) {
      std::vector<scanner::Resolved> answers;
      for (const auto& name : names) {
        answers.push_back({name, {}, error});
        for (const auto& address : addresses) {
          answers.back().addresses.push_back(Address(address));
        }
      }
      return answers;
    });
  }

  RunInfo Begin(const std::string& scan) {
    RunInfo run;
    run.scan = scan;
    run.viewpoint = "public";
    run.started = now_;
    run.finished = now_;
    run.id = *store_->BeginRun(run);
    return run;
  }

  // A run in which the name answered so, and what receivers are told: "dns_changed opened".
  std::vector<std::string> Run(const Addresses& addresses, const std::string& error = "") {
    return Commit(Begin("expected"), addresses, error);
  }

  std::vector<std::string> Commit(const RunInfo& run, const Addresses& addresses,
                                  const std::string& error = "") {
    RunEvidence evidence;
    evidence.snapshot.run = run;
    evidence.snapshot.coverage.complete = true;
    evidence.canaries_before = {
        {{Address("192.0.2.250"), Protocol::kTcp, 443}, PortState::kOpen, canary_}};
    evidence.canaries_after = evidence.canaries_before;
    return Judge(Resolve(addresses, error), &evidence);
  }

  std::vector<std::string> Edit(const std::string& policy, const Addresses& addresses,
                                const std::string& error = "") {
    setup_.policy = PolicyOf(policy);
    return Judge(Resolve(addresses, error), nullptr);
  }

  std::vector<std::string> Judge(const Targets& targets, RunEvidence* evidence) {
    now_ += between_;
    const auto judged = JudgeAndCommit(*store_, setup_, targets, evidence, now_);
    EXPECT_TRUE(judged) << judged.error().message;
    std::vector<std::string> told;
    for (const auto& transition : judged->transitions) {
      const auto finding = **store_->FindFinding(transition.finding_id);
      if (SubjectOf(finding.drift.kind) != DriftSubject::kName) continue;
      told.push_back(std::string(ToString(finding.drift.kind)) + " " +
                     std::string(ToString(transition.kind)) +
                     (finding.resolution ? " " + std::string(ToString(*finding.resolution)) : ""));
    }
    return told;
  }

  std::vector<std::string> AddressesOf(DriftKind kind) const {
    std::vector<std::string> texts;
    const auto findings = *store_->Findings();
    for (const auto& finding : findings) {
      if (finding.drift.kind != kind) continue;
      for (const auto& address : finding.drift.addresses) texts.push_back(address.ToString());
    }
    return texts;
  }

  daemon::Setup setup_ = SetupOf(kNamed, kConfig);
  Duration between_ = minutes(1);
  PortState canary_ = PortState::kOpen;
};

TEST_F(NameJudgingTest, OutOfScopeLivesByFullAnswers) {
  EXPECT_THAT(Run({"192.0.2.1", "198.51.100.7"}), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1", "198.51.100.7"}), ElementsAre("dns_out_of_scope opened"));
  const auto findings = *store_->Findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(
      store_->EvidenceOf(findings[0].id)->at(0).exchange.packets,
      "none: it rests on the answer of the name; an address outside the scope is never probed");

  EXPECT_THAT(Run({"198.51.100.7", "198.51.100.8"}), IsEmpty()) << "the name has its ticket";
  EXPECT_THAT(AddressesOf(DriftKind::kDnsOutOfScope), ElementsAre("198.51.100.7", "198.51.100.8"));

  EXPECT_THAT(Run({}, "SERVFAIL"), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1"}, "timeout"), ElementsAre("dns_unresolved opened"))
      << "half an answer";
  EXPECT_THAT(Run({}, "SERVFAIL"), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1"}, "timeout"), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1"}), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1"}),
              ElementsAre("dns_out_of_scope resolved fixed", "dns_unresolved resolved fixed"));
}

TEST_F(NameJudgingTest, UnresolvedLivesByTwoRunsAndEndsByTwoFullAnswers) {
  EXPECT_THAT(Run({}, "NXDOMAIN"), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1"}), IsEmpty());
  EXPECT_THAT(Run({}, "NXDOMAIN"), IsEmpty()) << "one failure among answers is none";
  EXPECT_THAT(Run({"192.0.2.1"}, "timeout"), ElementsAre("dns_unresolved opened"))
      << "half an answer is none";
  EXPECT_THAT(Run({}, "SERVFAIL"), IsEmpty()) << "another reason is no news";
  const auto findings = *store_->Findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].drift.detail, "SERVFAIL");
  EXPECT_EQ(store_->EvidenceOf(findings[0].id)->at(0).exchange.packets,
            "none: it rests on what the resolver said");
  EXPECT_THAT(Run({"192.0.2.1"}), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1"}), ElementsAre("dns_unresolved resolved fixed"));
}

TEST_F(NameJudgingTest, ABlindRunSaysNothingOfNames) {
  Run({}, "NXDOMAIN");
  canary_ = PortState::kFiltered;
  EXPECT_THAT(Run({}, "timeout"), IsEmpty());
  canary_ = PortState::kOpen;
  EXPECT_THAT(Run({}, "NXDOMAIN"), ElementsAre("dns_unresolved opened"));
  EXPECT_THAT(Edit(kOtherName, {"192.0.2.1"}), ElementsAre("dns_unresolved resolved withdrawn"));
}

TEST_F(NameJudgingTest, ASpecialAddressStaysOneWhateverTheScope) {
  Run({"127.0.0.1"});
  EXPECT_THAT(Run({"127.0.0.1"}), ElementsAre("dns_out_of_scope opened"));
  const std::string everything = R"(version: 1
scope: {authorized_by: test, include: [0.0.0.0/0]}
hosts:
  - {name: web-1, dns: [www.example.com], owner: web}
)";
  EXPECT_THAT(Edit(everything, {}, "SERVFAIL"), IsEmpty());
  EXPECT_THAT(
      Edit(everything + "  - {name: me, addresses: [127.0.0.1], owner: web}\n", {}, "SERVFAIL"),
      ElementsAre("dns_out_of_scope resolved policy"));
}

TEST_F(NameJudgingTest, APolicyThatTakesTheAddressInEndsIt) {
  Run({"198.51.100.7"});
  Run({"198.51.100.7"});
  EXPECT_THAT(Edit(std::string(kNamed) + "# edited\n", {}, "SERVFAIL"), IsEmpty());
  EXPECT_THAT(Edit(kWiderScope, {}, "SERVFAIL"), ElementsAre("dns_out_of_scope resolved policy"));
}

TEST_F(NameJudgingTest, ANameThatLeavesThePolicyWithdrawsIt) {
  Run({"198.51.100.7"});
  Run({"198.51.100.7"});
  EXPECT_THAT(Edit(kOtherName, {"192.0.2.1"}), ElementsAre("dns_out_of_scope resolved withdrawn"));
}

TEST_F(NameJudgingTest, AnEditThatLeavesTheAddressOutWaitsForARun) {
  setup_.policy = PolicyOf(kWiderScope);
  Run({"198.51.100.7"});
  EXPECT_THAT(Edit(kNamed, {"198.51.100.7"}), IsEmpty());
  EXPECT_THAT(Run({"198.51.100.7"}), IsEmpty());
  EXPECT_THAT(Run({"198.51.100.7"}), ElementsAre("dns_out_of_scope opened"));
}

TEST_F(NameJudgingTest, ABlindRunsAnswersCountForNothing) {
  canary_ = PortState::kFiltered;
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Run({"198.51.100.7"}), IsEmpty());
  EXPECT_THAT(AddressesOf(DriftKind::kDnsOutOfScope), IsEmpty());
  EXPECT_THAT(*store_->Names(), IsEmpty());
  canary_ = PortState::kOpen;
  Run({"198.51.100.7"});
  Run({"198.51.100.7"});
  canary_ = PortState::kFiltered;
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Run({"192.0.2.1"}), IsEmpty());
}

TEST_F(NameJudgingTest, AnswersCountInTheOrderOfTheRuns) {
  Run({"198.51.100.7"});
  const auto slow = Begin("top");  // resolved while the name still led out of the scope
  const auto slower = Begin("full");
  Run({"192.0.2.1"});
  EXPECT_THAT(Run({"198.51.100.7"}), IsEmpty());
  EXPECT_THAT(Commit(slow, {"198.51.100.7"}), IsEmpty());
  EXPECT_THAT(Commit(slower, {"198.51.100.7"}), IsEmpty());
}

TEST_F(NameJudgingTest, ANewAddressIsAnEventAfterTwoAnswers) {
  EXPECT_THAT(Run({"192.0.2.1"}), IsEmpty());
  Restart();
  EXPECT_THAT(Run({"192.0.2.2"}), IsEmpty());
  Restart();
  EXPECT_THAT(Run({"192.0.2.2"}), ElementsAre("dns_changed opened"));
  EXPECT_THAT(Run({"192.0.2.1"}), IsEmpty()) << "known before";
  between_ = hours(1);
  EXPECT_THAT(Run({"192.0.2.2"}), ElementsAre("dns_changed resolved expired"));
}

TEST_F(NameJudgingTest, APoolThatTakesTurnsIsNoNews) {
  const std::vector<Addresses> turns = {{"192.0.2.1", "192.0.2.2"},
                                        {"192.0.2.2", "192.0.2.3"},
                                        {"192.0.2.1", "192.0.2.3"},
                                        {"192.0.2.4", "192.0.2.2"}};
  std::vector<std::string> told;
  for (int i = 0; i < 200; ++i) {
    const auto now = Run(turns[static_cast<std::size_t>(i) % turns.size()]);
    told.insert(told.end(), now.begin(), now.end());
  }
  // 192.0.2.3 held for two answers, once.
  EXPECT_THAT(told, ElementsAre("dns_changed opened", "dns_changed resolved expired"));
}

TEST_F(NameJudgingTest, WhatChangesDuringAnEventIsToldAfterwards) {
  Run({"192.0.2.1"});
  Run({"192.0.2.2"});
  EXPECT_THAT(Run({"192.0.2.2"}), ElementsAre("dns_changed opened"));
  EXPECT_THAT(Run({"192.0.2.2", "192.0.2.3"}), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.2", "192.0.2.3"}), IsEmpty());
  EXPECT_THAT(AddressesOf(DriftKind::kDnsChanged), ElementsAre("192.0.2.2"));
  between_ = hours(1);
  EXPECT_THAT(Run({"192.0.2.2", "192.0.2.3"}), ElementsAre("dns_changed resolved expired"));
  between_ = minutes(1);
  EXPECT_THAT(Run({"192.0.2.2", "192.0.2.3"}), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.2", "192.0.2.3"}), ElementsAre("dns_changed opened"));
  EXPECT_THAT(AddressesOf(DriftKind::kDnsChanged), ElementsAre("192.0.2.3"));
}

TEST_F(NameJudgingTest, OfTwoChangesThatFollowNoneIsLost) {
  Run({"192.0.2.1"});
  Run({"192.0.2.1", "192.0.2.2"});
  EXPECT_THAT(Run({"192.0.2.1", "192.0.2.2", "192.0.2.3"}), IsEmpty());
  EXPECT_THAT(Run({"192.0.2.1", "192.0.2.2", "192.0.2.3"}), ElementsAre("dns_changed opened"));
  EXPECT_THAT(AddressesOf(DriftKind::kDnsChanged), ElementsAre("192.0.2.2", "192.0.2.3"));
}

TEST_F(NameJudgingTest, WhatANameLedToIsListedWhileItFailsAfterARestart) {
  Run({"192.0.2.7"});
  Run({"192.0.2.7"});
  Restart();
  auto targets = Resolve({}, "SERVFAIL");
  EXPECT_THAT(targets.Listed(), IsEmpty());
  targets.remembered = LastAddresses(targets.unresolved, *store_->Names());
  EXPECT_THAT(targets.Listed(), ElementsAre(Address("192.0.2.7")));

  RunEvidence evidence;
  evidence.snapshot.run = Begin("sweep");
  evidence.discovery.emplace();
  evidence.discovery->up = {{Address("192.0.2.7"), {Reason::Kind::kEcho, 0, 0}, "", false}};
  evidence.discovery->asked = {*Prefix::Parse("192.0.2.0/28")};
  ASSERT_TRUE(JudgeAndCommit(*store_, setup_, targets, &evidence, now_));
  const auto findings = *store_->Findings();
  for (const auto& finding : findings) {
    EXPECT_NE(finding.drift.kind, DriftKind::kUnlistedHost) << Summary(finding.drift);
  }
}

TEST(LastAddressesTest, AreThoseOfTheLastAnswer) {
  const NameMemory memory = {{"www",
                              {{Address("192.0.2.1"), kNow},
                               {Address("192.0.2.2"), kNow - minutes(60)},
                               {Address("192.0.2.3"), kNow - minutes(61)}}},
                             {"other", {{Address("192.0.2.9"), kNow}}}};
  EXPECT_THAT(LastAddresses({"www", "never"}, memory),
              ElementsAre(Address("192.0.2.1"), Address("192.0.2.2")));
}

}  // namespace
}  // namespace postern::daemon

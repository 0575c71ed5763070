#include "daemon/judging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/receivers.h"
#include "daemon/stored_test.h"

namespace postern::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Verdict kOpen = {PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}};
constexpr Verdict kClosed = {PortState::kClosed, {Reason::Kind::kReset, 0, 0}};

// Runs over a real store in a folder of its own.
class JudgingTest : public StoredTest {
 protected:
  // A run that saw tcp/6379 of db-1 in this state, by both methods if open.
  std::vector<std::string> Run(const Verdict& redis, PortState canary = PortState::kOpen) {
    RunEvidence evidence;
    auto& run = evidence.snapshot.run;
    run.scan = "expected";
    run.stage = Stage::kExpected;
    run.viewpoint = "public";
    run.policy_hash = setup_.policy->hash;
    run.started = now_;
    run.finished = now_;
    run.id = *store_->BeginRun(run);
    AddressStates seen{Address("192.0.2.2"), {}};
    seen.of(Protocol::kTcp).Append({6379, 6379}, redis);
    evidence.snapshot.addresses = {seen};
    evidence.snapshot.coverage.complete = true;
    evidence.canaries_before = {
        {{Address("192.0.2.250"), Protocol::kTcp, 443}, PortState::kOpen, canary}};
    evidence.canaries_after = evidence.canaries_before;
    evidence.confirmed = {{Address("192.0.2.2"), Protocol::kTcp, 6379}};
    return Told(&evidence);
  }

  std::vector<std::string> Told(RunEvidence* evidence) {
    now_ += std::chrono::minutes(1);
    const auto targets = FindTargets(*setup_.policy, "public", NoNames);
    const auto judged = JudgeAndCommit(*store_, setup_, targets, evidence, now_);
    EXPECT_TRUE(judged) << judged.error().message;
    std::vector<std::string> told;
    for (const auto& transition : judged->transitions) told.emplace_back(ToString(transition.kind));
    return told;
  }

  daemon::Setup setup_ = SetupOf(kTwoHosts, kConfig);
};

TEST_F(JudgingTest, OpensStoresAndQueuesInOneCommit) {
  EXPECT_THAT(Run(kOpen), ElementsAre("opened"));
  const auto findings = *store_->Findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].state, FindingState::kOpen);
  EXPECT_EQ(findings[0].drift.owner, "data");
  for (const auto& instance : InstancesOf(setup_.config)) {
    EXPECT_EQ(store_->Outbox(instance.name, now_)->size(), 1U) << instance.name;
  }
}

TEST_F(JudgingTest, OnlyRunsThatSawCountAsObservations) {
  EXPECT_EQ(store_->ObservationsOf("expected", 1)->round, std::nullopt);
  Run(kClosed);
  Run(kClosed);
  Run(kClosed, PortState::kFiltered);  // blind
  const auto observations = *store_->ObservationsOf("expected", 1);
  EXPECT_EQ(observations.round, kNow + std::chrono::minutes(2));
  EXPECT_EQ(observations.oldest, kNow + std::chrono::minutes(1));
  EXPECT_THAT(observations.unseen,
              ElementsAre(storage::UnseenSince{"ipv4", "", kNow + std::chrono::minutes(1)}));
  EXPECT_EQ(store_->ObservationsOf("expected", 4)->round, std::nullopt);
}

TEST_F(JudgingTest, TheStoreKnowsWhoseEyesItHas) {
  EXPECT_EQ(*store_->Viewpoint(), std::nullopt);
  Run(kClosed);
  EXPECT_EQ(*store_->Viewpoint(), "public");
}

TEST_F(JudgingTest, ResolvesAfterTwoAgreeingRuns) {
  Run(kOpen);
  EXPECT_THAT(Run(kClosed), IsEmpty());
  EXPECT_THAT(Run(kClosed), ElementsAre("resolved"));
}

TEST_F(JudgingTest, ABlindRunIsKeptAndChangesNothing) {
  Run(kOpen);
  EXPECT_THAT(Run(kClosed, PortState::kFiltered), IsEmpty());
  EXPECT_THAT(Run(kClosed, PortState::kFiltered), ElementsAre("opened")) << "the blindness itself";
  EXPECT_THAT(Run(kClosed, PortState::kFiltered), IsEmpty());
  const auto findings = *store_->Findings();
  for (const auto& finding : findings) {
    EXPECT_EQ(finding.state, FindingState::kOpen) << Summary(finding.drift);
  }
  const std::vector<IpAddress> addresses = {Address("192.0.2.2")};
  const auto known = *store_->LastKnownStates(addresses);
  EXPECT_EQ(known.at(0).of(Protocol::kTcp).At(6379), kOpen);
}

TEST_F(JudgingTest, BlindnessIsAFindingOfItsOwnThatOnlySightEnds) {
  const auto blind = PortState::kFiltered;
  setup_.config.canaries = {{{Address("192.0.2.250"), Protocol::kTcp, 443}, kOpen.state, {}}};
  EXPECT_THAT(Run(kClosed, blind), IsEmpty());
  EXPECT_THAT(Run(kClosed), IsEmpty());
  EXPECT_THAT(*store_->Findings(), IsEmpty()) << "a moment's blindness";
  EXPECT_THAT(Run(kClosed, blind), IsEmpty());
  EXPECT_THAT(Run(kClosed, blind), ElementsAre("opened"));
  EXPECT_THAT(Run(kClosed, blind), IsEmpty());
  EXPECT_THAT(Told(nullptr), IsEmpty());
  EXPECT_THAT(Run(kClosed), IsEmpty());
  EXPECT_THAT(Run(kClosed), ElementsAre("resolved"));
  const auto findings = *store_->Findings();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].drift.subject, "ipv4");
  EXPECT_EQ(findings[0].resolution, Resolution::kFixed);
}

TEST_F(JudgingTest, CanariesThatAreAskedNoMoreWithdrawTheirBlindness) {
  setup_.config.canaries = {{{Address("192.0.2.250"), Protocol::kTcp, 443}, kOpen.state, {}}};
  Run(kClosed, PortState::kFiltered);
  Run(kClosed, PortState::kFiltered);
  setup_.config.canaries.clear();
  EXPECT_THAT(Told(nullptr), ElementsAre("resolved"));
  EXPECT_EQ(store_->Findings()->at(0).resolution, Resolution::kWithdrawn);
}

// Ten open ports, then silence on all of them, and no canary to tell whose fault it is.
TEST_F(JudgingTest, AMassLossOfOpenPortsFreezesTheFindings) {
  const auto run = [this](const Verdict& verdict) {
    RunEvidence evidence;
    auto& info = evidence.snapshot.run;
    info.scan = "expected";
    info.viewpoint = "public";
    info.started = info.finished = now_;
    info.id = *store_->BeginRun(info);
    AddressStates seen{Address("192.0.2.2"), {}};
    seen.of(Protocol::kTcp).Append({6000, 6009}, verdict);
    evidence.snapshot.addresses = {seen};
    return Told(&evidence);
  };
  const auto open = [this] {
    const auto findings = *store_->Findings();
    return std::count_if(findings.begin(), findings.end(),
                         [](const Finding& f) { return f.state == FindingState::kOpen; });
  };
  for (int i = 0; i < 3; ++i) run(kOpen);
  ASSERT_EQ(open(), 10);
  const Verdict silent{PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}};
  EXPECT_THAT(run(silent), IsEmpty());
  EXPECT_THAT(run(silent), ElementsAre("opened")) << "the blindness itself";
  EXPECT_THAT(run(silent), IsEmpty());
  EXPECT_EQ(open(), 11);
}

TEST_F(JudgingTest, APolicyThatAllowsItResolvesWithoutARun) {
  Run(kOpen);
  std::string allowing = kTwoHosts;
  allowing += "    expect: [{ports: \"tcp/6379\", state: open}]\n";
  setup_.policy = PolicyOf(allowing);
  EXPECT_THAT(Told(nullptr), ElementsAre("resolved"));
  EXPECT_EQ(store_->Findings()->at(0).resolution, Resolution::kPolicy);
}

// A webhook for critical findings, and a finding whose severity goes up and down with its host's.
class FilterTest : public JudgingTest {
 protected:
  FilterTest() {
    std::string config = kConfig;
    config += "  - {name: hook, webhook: {url: \"http://127.0.0.1/\"}, severities: [critical]}\n";
    setup_ = SetupOf(kTwoHosts, config);
    SetSeverity("critical");
  }

  void SetSeverity(const std::string& severity) {
    setup_.policy = PolicyOf(kTwoHosts + ("    expect: [{ports: \"tcp/6379\", state: closed, "
                                          "severity: " +
                                          severity + "}]\n"));
  }

  void Accept() {
    setup_.policy = PolicyOf(std::string(kTwoHosts) +
                             "    accept: [{ports: \"tcp/6379\", until: 2026-05-01, reason: known, "
                             "ticket: OPS-1}]\n");
  }

  std::vector<std::string> Queued(const std::string& receiver) const {
    std::vector<std::string> kinds;
    const auto rows = *store_->Outbox(receiver, TimePoint());
    kinds.reserve(rows.size());
    for (const auto& row : rows) {
      kinds.emplace_back(ToString(row.transition.kind));
    }
    return kinds;
  }

  std::size_t GivenTo(const std::string& receiver) const {
    std::vector<exporters::QueuedTransition> queue;
    const auto rows = *store_->Outbox(receiver, TimePoint());
    queue.reserve(rows.size());
    for (const auto& row : rows) {
      queue.push_back({row.id, row.transition, row.delivered});
    }
    const auto instances = InstancesOf(setup_.config);
    const auto instance = std::ranges::find(instances, receiver, &ReceiverInstance::name);
    return FindingsFor(*instance, setup_.config, *store_->Findings(), queue).size();
  }
};

TEST_F(FilterTest, WhoWasToldHearsOfItToItsEnd) {
  Run(kOpen);
  SetSeverity("warning");
  Run(kOpen);
  EXPECT_EQ(GivenTo("hook"), 1U) << "what it has news of";
  EXPECT_EQ(GivenTo("pager/127.0.0.1:9093"), 0U) << "a warning does not fire there";
  Run(kClosed);
  Run(kClosed);
  EXPECT_THAT(Queued("hook"), ElementsAre("opened", "changed", "resolved"));
  EXPECT_EQ(GivenTo("hook"), 1U);
}

TEST_F(FilterTest, AFindingThatRisesIntoTheFilterOpens) {
  SetSeverity("warning");
  Run(kOpen);
  EXPECT_THAT(Queued("hook"), IsEmpty());
  SetSeverity("critical");
  Run(kOpen);
  EXPECT_THAT(Queued("hook"), ElementsAre("opened"));
}

TEST_F(FilterTest, NobodyIsToldOfTheEndOfWhatNobodyWasToldOf) {
  Accept();
  Run(kOpen);
  Run(kClosed);
  EXPECT_THAT(Run(kClosed), ElementsAre("resolved"));
  EXPECT_THAT(Queued("hook"), IsEmpty());
}

TEST(InstancesOfTest, EachAlertmanagerOfAReceiverIsDeliveredToOnItsOwn) {
  const auto setup = SetupOf(kTwoHosts, kConfig);
  std::vector<std::string> names;
  for (const auto& instance : InstancesOf(setup.config)) names.push_back(instance.name);
  EXPECT_THAT(names, ElementsAre("pager/127.0.0.1:9093", "pager/127.0.0.1:9094"));
}

}  // namespace
}  // namespace postern::daemon

// Runs of stage `discover` through a real store, as the daemon judges and commits them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/judging.h"
#include "daemon/stored_test.h"

namespace postern::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kNetworks[] = R"(networks:
  - {cidr: 192.0.2.0/28, owner: network}
)";

class UnlistedJudgingTest : public StoredTest {
 protected:
  // A run that asked the network, in which these addresses answered; tcp/22 of each is open.
  std::vector<std::string> Sweep(const std::vector<LiveAddress>& up,
                                 PortState canary = PortState::kOpen) {
    RunEvidence evidence;
    evidence.discovery.emplace();
    evidence.discovery->up = up;
    evidence.discovery->asked = {*Prefix::Parse("192.0.2.0/28")};
    auto& snapshot = evidence.snapshot;
    snapshot.run.scan = "sweep";
    snapshot.run.stage = Stage::kDiscover;
    snapshot.run.viewpoint = "public";
    snapshot.run.started = now_;
    snapshot.run.finished = now_;
    snapshot.run.id = *store_->BeginRun(snapshot.run);
    snapshot.coverage.complete = true;
    for (const auto& live : up) {
      AddressStates states{live.address, {}};
      states.of(Protocol::kTcp).Append({22, 22}, {PortState::kOpen, {Reason::Kind::kSynAck, 0, 0}});
      snapshot.addresses.push_back(states);
    }
    if (canary != PortState::kUnknown) {
      evidence.canaries_before = {
          {{Address("192.0.2.250"), Protocol::kTcp, 443}, PortState::kOpen, canary}};
    }
    evidence.canaries_after = evidence.canaries_before;
    for (const char* address : {"192.0.2.1", "192.0.2.7", "192.0.2.250"}) {
      evidence.signs.hops[Address(address)] = FirstHop{.interface = 2};
    }
    evidence.signs.hops[Address("192.0.2.9")] = FirstHop{.interface = 1, .local = true};
    return Judge(&evidence);
  }

  // Judges, and returns what the store has then: "192.0.2.7 open tcp/22".
  std::vector<std::string> Judge(RunEvidence* evidence) {
    now_ += std::chrono::hours(1);
    const auto targets = FindTargets(*setup_.policy, "public", NoNames);
    const auto judged = JudgeAndCommit(*store_, setup_, targets, evidence, now_);
    EXPECT_TRUE(judged) << judged.error().message;
    std::vector<std::string> findings;
    const auto stored = store_->Findings();
    for (const auto& finding : *stored) {
      if (finding.drift.kind != DriftKind::kUnlistedHost) continue;
      findings.push_back(finding.drift.subject + " " + std::string(ToString(finding.state)) + " " +
                         finding.drift.ports.ToString());
    }
    return findings;
  }

  const LiveAddress stranger_{Address("192.0.2.7"), {Reason::Kind::kArp, 0, 0}, "0a", false};
  // The policy names 192.0.2.1, and 192.0.2.9 is this machine's own.
  const LiveAddress neighbour_{Address("192.0.2.1"), {Reason::Kind::kArp, 0, 0}, "0b", false};
  const LiveAddress self_{Address("192.0.2.9"), {Reason::Kind::kEcho, 0, 0}, "", true};
  daemon::Setup setup_ = SetupOf(std::string(kTwoHosts) + kNetworks, kConfig);
};

TEST_F(UnlistedJudgingTest, ACanaryIsNoStranger) {
  Sweep({stranger_});
  EXPECT_THAT(Sweep({stranger_}), ElementsAre("192.0.2.7 open tcp/22"));
  setup_.config.canaries = {{{Address("192.0.2.7"), Protocol::kTcp, 22}, PortState::kOpen, {}}};
  EXPECT_THAT(Sweep({stranger_}), ElementsAre("192.0.2.7 resolved tcp/22"));
  EXPECT_EQ(store_->Findings()->front().resolution, Resolution::kPolicy);
}

TEST_F(UnlistedJudgingTest, CountsOverRestartsAndIsGoneAfterADayOfSilence) {
  setup_.config.scans[0].name = "sweep";
  setup_.config.scans[0].every = std::chrono::hours(1);
  EXPECT_THAT(Sweep({stranger_}), ElementsAre("192.0.2.7 pending tcp/22"));
  Restart();
  EXPECT_THAT(Sweep({stranger_}), ElementsAre("192.0.2.7 open tcp/22"));
  // An hour lies between runs, and the first one only begins the silence; a blind run and one that
  // has no proof of the path do not count.
  for (int run = 0; run <= 23; ++run) {
    EXPECT_THAT(Sweep({neighbour_}), ElementsAre("192.0.2.7 open tcp/22")) << run;
    Restart();
  }
  EXPECT_THAT(Sweep({neighbour_}, PortState::kFiltered), ElementsAre("192.0.2.7 open tcp/22"));
  EXPECT_THAT(Sweep({self_}, PortState::kUnknown), testing::Contains("192.0.2.7 open tcp/22"));
  EXPECT_THAT(Sweep({neighbour_}), testing::Contains("192.0.2.7 resolved tcp/22"));
  EXPECT_EQ(store_->Findings()->at(0).resolution, Resolution::kGone);
}

TEST_F(UnlistedJudgingTest, ABlindRunFindsNobody) {
  EXPECT_THAT(Sweep({stranger_}, PortState::kFiltered), IsEmpty());
}

TEST_F(UnlistedJudgingTest, ThatThisMachineAnswersItselfVouchesForNoPath) {
  const auto no_canary = PortState::kUnknown;
  Sweep({stranger_, self_}, no_canary);
  const auto open = testing::UnorderedElementsAre("192.0.2.7 open tcp/22", "192.0.2.9 open tcp/22");
  EXPECT_THAT(Sweep({stranger_, self_}, no_canary), open);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Sweep({self_}, no_canary), open);
}

TEST_F(UnlistedJudgingTest, ANewPolicyThatNamesTheHostEndsItWithoutARun) {
  Sweep({stranger_});
  Sweep({stranger_});
  std::string named = std::string(kTwoHosts) + kNetworks;
  named.replace(named.find("[192.0.2.2]"), 11, "[192.0.2.2, 192.0.2.7]");
  setup_.policy = PolicyOf(named);
  EXPECT_THAT(Judge(nullptr), ElementsAre("192.0.2.7 resolved tcp/22"));
}

}  // namespace
}  // namespace postern::daemon

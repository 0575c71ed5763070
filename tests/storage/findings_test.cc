#include <algorithm>

#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using Strings = std::vector<std::string>;

Finding FullFinding() {
  Finding finding;
  finding.episode = 3;
  finding.viewpoint = "public";
  auto& drift = finding.drift;
  drift.kind = DriftKind::kWrongState;
  drift.severity = Severity::kCritical;
  drift.host = "cache-1'; DROP TABLE findings; --";
  drift.owner = "sre";
  drift.labels = {{"team", "a \"b\" \\ \n"}, {"bytes", std::string("\0\xff\xc3", 3)}};
  drift.subject = "cache.example";
  drift.address = Address("2001:db8::7");
  drift.protocol = Protocol::kUdp;
  drift.ports.Add(Protocol::kUdp, {1, 99});
  drift.ports.Add(Protocol::kUdp, {161, 161});
  drift.observed = kRejected;
  drift.before = PortState::kOpenFiltered;
  drift.only_family = true;
  drift.expected = "filtered";
  drift.rule = "policy.yaml:12:9";
  drift.addresses = {Address("198.51.100.7"), Address("2001:db8:bad::7")};
  drift.detail = "2 of 3 \"canaries\" are wrong";
  drift.acceptance = Acceptance{std::chrono::sys_days(std::chrono::days(20'000)), "move", "OPS-1"};
  finding.state = FindingState::kResolved;
  finding.resolution = Resolution::kPolicy;
  finding.seen = 4;
  finding.agreeing = 5;
  finding.last_run = 6;
  finding.policy_hash = "abc";
  finding.first_seen = At(1);
  finding.last_seen = At(2);
  finding.opened = At(3);
  finding.resolved = At(4);
  finding.resolved_by = "closed (rst)";
  finding.acknowledgement = Acknowledgement{"alice", At(5), "it's known", At(6)};
  finding.id = FindingId(finding.viewpoint, drift);
  return finding;
}

Finding PlainFinding(std::uint16_t port) {
  Finding finding;
  finding.viewpoint = "public";
  finding.drift.subject = "192.0.2.1";
  finding.drift.port = port;
  finding.id = FindingId(finding.viewpoint, finding.drift);
  return finding;
}

using PauseTest = StoreTest;

TEST_F(PauseTest, OutlastsAnEndOfTheProgram) {
  const Pause pause{"alice", At(1), At(2)};
  EXPECT_EQ(Get(Write()->LoadPause()), std::nullopt);
  EXPECT_EQ(Message(Write()->SavePause(pause)), "ok");
  EXPECT_EQ(Get(Write()->LoadPause()), pause);
  EXPECT_EQ(Message(Write()->SavePause(Pause{"bob", At(3), std::nullopt})), "ok");
  EXPECT_EQ(Get(Write()->LoadPause()), (Pause{"bob", At(3), std::nullopt}));
  EXPECT_EQ(Message(Write()->SavePause(std::nullopt)), "ok");
  EXPECT_EQ(Get(Write()->LoadPause()), std::nullopt);
}

class FindingsTest : public StoreTest {
 protected:
  static void Save(Store& store, const std::vector<Finding>& findings) {
    ASSERT_EQ(Message(store.Commit({.findings = findings})), "ok");
  }
};

TEST_F(FindingsTest, ComeBackAsTheyWere) {
  std::vector<Finding> findings = {FullFinding()};
  for (const auto kind : kDriftKinds) {
    for (const auto state : kFindingStates) {
      auto finding = PlainFinding(static_cast<std::uint16_t>(findings.size()));
      finding.drift.kind = kind;
      finding.state = state;
      finding.id = FindingId(finding.viewpoint, finding.drift);
      findings.push_back(finding);
    }
  }
  std::ranges::sort(findings, {}, &Finding::id);
  auto store = Write();
  Save(*store, findings);
  EXPECT_EQ(Get(store->Findings()), findings);
  EXPECT_EQ(Get(Read()->Findings()), findings);
  EXPECT_EQ(Get(store->FindingsAfter("", 100)), findings);
  EXPECT_EQ(Get(store->FindingsAfter(findings[0].id, 1)), std::vector{findings[1]});
  EXPECT_TRUE(Get(store->FindingsAfter(findings.back().id, 100)).empty());
}

TEST_F(FindingsTest, AreReplacedAndDroppedById) {
  auto store = Write();
  auto changing = PlainFinding(22);
  const auto leaving = PlainFinding(23);
  Save(*store, {changing, leaving});
  changing.state = FindingState::kOpen;
  changing.opened = At(9);
  ASSERT_EQ(Message(store->Commit(
                {.findings = {&changing, 1}, .dropped_findings = std::vector{leaving.id}})),
            "ok");
  EXPECT_EQ(Get(store->Findings()), std::vector{changing});
}

TEST_F(FindingsTest, AreFoundWithTheirEpisodeOrWithout) {
  auto store = Write();
  const auto finding = FullFinding();
  Save(*store, {finding});
  for (const auto& id : {finding.id, finding.id + "-3"}) {
    EXPECT_EQ(Get(store->FindFinding(id)), finding) << id;
  }
  for (const auto& id : {finding.id + "-2", finding.id + "-03", finding.id + "-",
                         finding.id.substr(0, 9), std::string()}) {
    EXPECT_EQ(Get(store->FindFinding(id)), std::nullopt) << id;
  }
}

TEST_F(FindingsTest, ThatAreUnreadableAreAnError) {
  Save(*Write(), {PlainFinding(22)});
  for (const auto* change :
       {"state = 'gone'", "resolution = ''", "labels = '{\"a\":1}'", "labels = '['",
        "address = x'00'", "port = 65536", "port = -1", "ports = 'tcp/0'",
        "observed_reason = 'icmp-3'", "accepted_until = '2026-02-30'", "seen = 2147483648",
        "only_family = 2"}) {
    SCOPED_TRACE(change);
    const std::string column(change, std::string_view(change).find(' '));
    const Strings before = Sql("SELECT quote(" + column + ") FROM findings");
    Sql(std::string("UPDATE findings SET ") + change);
    EXPECT_EQ(Message(Read()->Findings()),
              path_ + ": the file is damaged or not a database of Postern (column '" + column +
                  "' holds what this version cannot read); to restore it, stop the daemon, keep a "
                  "copy of the file, remove " +
                  path_ + "-wal and " + path_ + "-shm, and copy a backup over it");
    Sql("UPDATE findings SET " + column + " = " + before.at(0));
  }
  EXPECT_EQ(Get(Read()->Findings()), std::vector{PlainFinding(22)});
}

using Memory = std::map<std::string, std::string>;

class OutboxTest : public FindingsTest {
 protected:
  OutboxTest() : finding_(PlainFinding(22)) {
    opened_ = {finding_.id, 1, TransitionKind::kOpened, At(1)};
    changed_ = {finding_.id, 1, TransitionKind::kChanged, At(2)};
    resolved_ = {finding_.id, 1, TransitionKind::kResolved, At(3)};
  }

  Result<void> Queue(Store& store, std::map<std::string, std::vector<Transition>> outbox) const {
    return store.Commit({.findings = {&finding_, 1}, .outbox = std::move(outbox)});
  }
  static std::vector<Transition> Transitions(const std::vector<OutboxRow>& rows) {
    std::vector<Transition> transitions;
    transitions.reserve(rows.size());
    for (const auto& row : rows) transitions.push_back(row.transition);
    return transitions;
  }

  Finding finding_;
  Transition opened_;
  Transition changed_;
  Transition resolved_;
};

TEST_F(OutboxTest, HoldsEachTransitionOnceForEachReceiver) {
  auto store = Write();
  const auto before = SystemClock().Now();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Message(Queue(*store, {{"am", {opened_, changed_}}, {"hook", {resolved_}}})), "ok");
  }
  const auto rows = Get(store->Outbox("am", At(0)));
  EXPECT_EQ(Transitions(rows), (std::vector{opened_, changed_}));
  EXPECT_EQ(rows[0].receiver, "am");
  EXPECT_EQ(rows[0].delivered, std::nullopt);
  EXPECT_GE(rows[0].created, before);
  EXPECT_LE(rows[0].created, SystemClock().Now());
  EXPECT_EQ(Transitions(Get(store->Outbox("hook", At(0)))), std::vector{resolved_});
  EXPECT_EQ(Get(store->Outbox("am'--", At(0))).size(), 0U);
}

TEST_F(OutboxTest, ShowsDeliveredRowsForAsLongAsAsked) {
  auto store = Write();
  ASSERT_EQ(Message(Queue(*store, {{"am", {opened_, changed_, resolved_}}})), "ok");
  const auto rows = Get(store->Outbox("am", At(0)));
  const std::vector<std::int64_t> first = {rows[0].id, rows[1].id};
  ASSERT_EQ(
      Message(store->Acknowledge("am", {first, {}, Memory{{"key", "value"}, {"k2", ""}}}, At(100))),
      "ok");
  EXPECT_EQ(Get(store->ReceiverMemory("am")),
            (std::map<std::string, std::string>{{"key", "value"}, {"k2", ""}}));
  EXPECT_EQ(Get(store->ReceiverMemory("hook")), (std::map<std::string, std::string>{}));

  ASSERT_EQ(Message(store->Acknowledge("am", {{first[0]}, {}, Memory{{"k3", "x"}}}, At(200))),
            "ok");
  EXPECT_EQ(Get(store->ReceiverMemory("am")), (std::map<std::string, std::string>{{"k3", "x"}}));
  const auto since = Get(store->Outbox("am", At(100)));
  EXPECT_EQ(Transitions(since), (std::vector{opened_, changed_, resolved_}));
  EXPECT_EQ(since[0].delivered, At(100)) << "the first delivery counts";
  EXPECT_EQ(Transitions(Get(store->Outbox("am", At(101)))), std::vector{resolved_});
}

TEST_F(OutboxTest, ADeadLetterWaitsUntilItIsToBeDeliveredOnceMore) {
  auto store = Write();
  ASSERT_EQ(Message(Queue(*store, {{"am", {opened_}}, {"hook", {opened_, changed_}}})), "ok");
  const auto row = Get(store->Outbox("hook", At(0)))[0].id;
  ASSERT_EQ(Message(store->Acknowledge("hook", {{}, {{row, "422: no such team"}}, {}}, At(9))),
            "ok");
  EXPECT_EQ(Transitions(Get(store->Outbox("hook", At(0)))), std::vector{changed_});
  const auto dead = Get(store->DeadLetters());
  EXPECT_EQ(Transitions(dead), std::vector{opened_});
  EXPECT_EQ(dead[0].receiver, "hook");
  EXPECT_EQ(dead[0].refused, At(9));
  EXPECT_EQ(dead[0].refusal, "422: no such team");
  EXPECT_EQ(Get(store->CountOutbox("hook")), (OutboxCount{1, changed_.at, 1}));
  EXPECT_EQ(Get(store->CountOutbox("am")), (OutboxCount{1, opened_.at, 0}));
  EXPECT_EQ(Get(store->CountOutbox("pager")), OutboxCount());

  EXPECT_EQ(Get(store->Redeliver("am")), 0);
  EXPECT_EQ(Get(store->DeadLetters()).size(), 1U);
  EXPECT_EQ(Get(store->Redeliver("hook")), 1);
  EXPECT_EQ(Get(store->DeadLetters()).size(), 0U);
  EXPECT_EQ(Transitions(Get(store->Outbox("hook", At(0)))), (std::vector{opened_, changed_}));
}

TEST_F(OutboxTest, AnAcknowledgementIsAllOrNothing) {
  auto store = Write();
  ASSERT_EQ(Message(Queue(*store, {{"am", {opened_}}, {"hook", {opened_}}})), "ok");
  const auto mine = Get(store->Outbox("am", At(0)))[0].id;
  const auto theirs = Get(store->Outbox("hook", At(0)))[0].id;
  const std::vector<std::int64_t> both = {mine, theirs};
  EXPECT_EQ(Message(store->Acknowledge("am", {both, {}, Memory{{"key", "value"}}}, At(9))),
            "outbox row " + std::to_string(theirs) + " of receiver 'am' does not exist");
  EXPECT_EQ(Get(store->Outbox("am", At(0)))[0].delivered, std::nullopt);
  EXPECT_TRUE(Get(store->ReceiverMemory("am")).empty());
}

TEST_F(OutboxTest, ATransitionOfNoFindingFailsTheWholeCommit) {
  auto store = Write();
  auto stray = opened_;
  stray.finding_id = "aaaaaaaaaa";
  EXPECT_EQ(Message(Queue(*store, {{"am", {opened_, stray}}})),
            path_ + ": the database refused (SQLite: FOREIGN KEY constraint failed)");
  EXPECT_TRUE(Get(store->Findings()).empty());
  EXPECT_TRUE(Get(store->Outbox("am", At(0))).empty());
}

}  // namespace
}  // namespace postern::storage

// What goes with age and what stays; the write-ahead log under a reader that does not let go.
#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using Strings = std::vector<std::string>;

const IpAddress kHost = Address("192.0.2.1");

Finding FindingOf(std::uint16_t port, FindingState state) {
  Finding finding;
  finding.viewpoint = "public";
  finding.state = state;
  finding.drift.subject = "192.0.2.1";
  finding.drift.address = kHost;
  finding.drift.port = port;
  finding.drift.ports.Add(Protocol::kTcp, {port, port});
  finding.id = FindingId(finding.viewpoint, finding.drift);
  finding.first_seen = At(0);
  finding.opened = At(0);
  if (state == FindingState::kResolved) {
    finding.resolved = At(10);
    finding.resolution = Resolution::kFixed;
  }
  return finding;
}

Evidence EvidenceOf(const Finding& finding, TimePoint made, std::size_t bytes) {
  Evidence evidence;
  evidence.finding_id = finding.id;
  evidence.made = made;
  evidence.run = RunOf("top");
  evidence.run.id = 7;
  evidence.rates = {2000, 200, 1000.5};
  auto& exchange = evidence.exchange;
  exchange.address = kHost;
  exchange.answers = States({{{22, 22}, kOpen}, {{80, 90}, kRejected}, {{443, 443}, kClosed}});
  exchange.source = Address("192.0.2.250");
  exchange.interface = "eth0";
  exchange.started = At(1);
  exchange.finished = At(2);
  exchange.packets = "8 packets";
  exchange.pcap.assign(bytes, 0x5a);
  return evidence;
}

// What is younger than this second of the fixture's time stays.
Expiry Before(std::int64_t seconds) {
  return {.runs = At(seconds),
          .delivered = At(seconds),
          .findings = At(seconds),
          .evidence = At(seconds)};
}

class RetentionTest : public StoreTest {
 protected:
  static void CommitRun(Store& store, const std::string& scan, std::int64_t at,
                        const PortStates& tcp) {
    auto snapshot = TcpSnapshot(scan, kHost, tcp);
    snapshot.run.started = At(at);
    snapshot.run.finished = At(at + 1);
    Commit(store, snapshot);
  }

  static void RemoveAll(Store& store, const Expiry& expiry) {
    while (Get(store.RemoveExpired(expiry))) {
    }
  }
};

TEST_F(RetentionTest, OldRunsGoWithWhatTheyAloneSaw) {
  auto store = Write();
  CommitRun(*store, "top", 0, States({{{22, 22}, kOpen}, {{80, 80}, kClosed}}));
  CommitRun(*store, "top", 100, States({{{22, 22}, kFiltered}, {{80, 80}, kClosed}}));
  CommitRun(*store, "once", 110, States({{{25, 25}, kOpen}}));
  CommitRun(*store, "top", 200, States({{{22, 22}, kFiltered}, {{80, 80}, kClosed}}));
  CommitRun(*store, "top", 300, States({{{22, 22}, kOpen}, {{80, 80}, kClosed}}));
  const auto kept = Text(Get(store->LoadSnapshot(4)));
  RemoveAll(*store, Before(200));
  // The only run of its scan stays, so that the schedule goes on from it.
  EXPECT_EQ(Sql("SELECT id FROM runs ORDER BY id"), (Strings{"3", "4", "5"}));
  EXPECT_EQ(Text(Get(store->LoadSnapshot(4))), kept);
  EXPECT_EQ(Sql("SELECT count(*) FROM port_intervals WHERE to_run <= 4"), Strings{"0"});
  EXPECT_EQ(Text(Get(store->LastKnownStates(std::vector{kHost}))),
            "192.0.2.1 tcp 22-22=open/syn-ack 25-25=open/syn-ack 80-80=closed/rst udp\n");
  EXPECT_EQ(Sql("PRAGMA integrity_check; PRAGMA foreign_key_check"), Strings{"ok"});
}

TEST_F(RetentionTest, PlansThatNoRunFollowsGo) {
  auto store = Write();
  CommitRun(*store, "top", 0, States({{{1, 9}, kClosed}}));
  CommitRun(*store, "top", 100, States({{{2, 7}, kClosed}}));
  RemoveAll(*store, Before(50));
  EXPECT_EQ(Sql("SELECT count(*) FROM plans; SELECT count(*) FROM plan_parts; "
                "SELECT spec FROM port_sets ORDER BY spec"),
            (Strings{"1", "1", "tcp/1-9", "tcp/2-7"}))
      << "the first is what the host was ever asked";
}

TEST_F(RetentionTest, ResolvedFindingsEvidenceAndDeliveredRowsGo) {
  auto store = Write();
  const auto over = FindingOf(22, FindingState::kResolved);
  const auto untold = FindingOf(23, FindingState::kResolved);
  const auto open = FindingOf(25, FindingState::kOpen);
  const std::vector findings = {over, untold, open};
  const std::vector evidence = {EvidenceOf(over, At(0), 10), EvidenceOf(open, At(0), 10)};
  const auto told = [](const Finding& finding) {
    return Transition{finding.id, 1, TransitionKind::kResolved, At(10)};
  };
  ASSERT_EQ(Message(store->Commit({.findings = findings,
                                   .outbox = {{"am", {told(over), told(untold)}}},
                                   .evidence = evidence})),
            "ok");
  const std::vector<std::int64_t> first = {1};
  ASSERT_EQ(Message(store->Acknowledge("am", {first, {}, {}}, At(20))), "ok");

  RemoveAll(*store, Before(5));
  EXPECT_EQ(Get(store->Findings()).size(), 3U) << "nothing is that old";
  RemoveAll(*store, Before(30));
  EXPECT_EQ(Get(store->FindFinding(over.id)), std::nullopt);
  EXPECT_EQ(Get(store->FindFinding(untold.id)), untold) << "somebody is still to be told";
  EXPECT_EQ(Get(store->FindFinding(open.id)), open);
  EXPECT_EQ(Get(store->EvidenceOf(over.id)).size(), 0U);
  EXPECT_EQ(Get(store->EvidenceOf(open.id)).size(), 1U) << "it is not over";
  EXPECT_EQ(Sql("SELECT id FROM outbox"), Strings{"2"});
}

TEST_F(RetentionTest, WhoWasToldOfAFindingIsKnownUntilItIsOver) {
  auto store = Write();
  auto finding = FindingOf(25, FindingState::kOpen);
  const auto transition = Transition{finding.id, 1, TransitionKind::kOpened, At(0)};
  ASSERT_EQ(Message(store->Commit({.findings = {&finding, 1}, .outbox = {{"am", {transition}}}})),
            "ok");
  ASSERT_EQ(Message(store->Acknowledge("am", {{1}, {}, {}}, At(20))), "ok");
  RemoveAll(*store, Before(30));
  EXPECT_TRUE(Get(store->HasNewsOf("am", finding.id, 1)));
  EXPECT_FALSE(Get(store->HasNewsOf("am", finding.id, 2)));
  EXPECT_FALSE(Get(store->HasNewsOf("hook", finding.id, 1)));

  finding.state = FindingState::kResolved;
  finding.resolved = At(10);
  ASSERT_EQ(Message(store->Commit({.findings = {&finding, 1}})), "ok");
  RemoveAll(*store, Before(30));
  EXPECT_FALSE(Get(store->HasNewsOf("am", finding.id, 1)));
}

TEST_F(RetentionTest, WhatWaitsForAReceiverThatIsGoneGoesWithItsMemory) {
  auto store = Write();
  auto over = FindingOf(22, FindingState::kResolved);
  over.resolved = At(10);
  const Transition told{over.id, 1, TransitionKind::kOpened, At(5)};
  ASSERT_EQ(Message(store->Commit(
                {.findings = {&over, 1}, .outbox = {{"gone", {told}}, {"here", {told}}}})),
            "ok");
  for (const auto* receiver : {"gone", "here"}) {
    ASSERT_EQ(Message(store->Acknowledge(
                  receiver, {.taken = {}, .refused = {}, .memory = {{{"k", "v"}}}}, At(6))),
              "ok");
  }
  const std::string waiting =
      "SELECT receiver FROM outbox UNION ALL SELECT receiver FROM receiver_memory";
  auto expiry = Before(30);
  expiry.receivers = {"here"};
  RemoveAll(*store, expiry);
  EXPECT_EQ(Sql(waiting), (Strings{"gone", "here", "gone", "here"})) << "it may come back";
  // Rows count from when they were queued, which is now.
  expiry.findings = SystemClock().Now() + std::chrono::hours(1);
  RemoveAll(*store, expiry);
  EXPECT_EQ(Sql(waiting), (Strings{"here", "here"}));
  EXPECT_EQ(Get(store->FindFinding(over.id)), over) << "somebody is still to be told";
}

TEST_F(RetentionTest, TheOldestPacketsGoWhenThereAreTooMany) {
  auto store = Write();
  std::vector<Finding> findings;
  std::vector<Evidence> evidence;
  for (std::uint16_t port = 1; port <= 4; ++port) {
    findings.push_back(FindingOf(port, FindingState::kOpen));
    evidence.push_back(EvidenceOf(findings.back(), At(port), 100));
  }
  ASSERT_EQ(Message(store->Commit({.findings = findings, .evidence = evidence})), "ok");
  auto expiry = Before(0);
  expiry.packet_bytes = 250;
  RemoveAll(*store, expiry);
  EXPECT_EQ(Sql("SELECT length(pcap) FROM evidence ORDER BY id"),
            (Strings{"0", "0", "100", "100"}));
  const auto stripped = Get(store->EvidenceOf(findings[0].id)).at(0).exchange;
  EXPECT_EQ(stripped.packets, "removed: all packets together exceeded their limit");
  EXPECT_EQ(stripped.answers, evidence[0].exchange.answers);
}

TEST_F(RetentionTest, AStepIsBoundedAndTheFileShrinks) {
  auto store = Write();
  for (int i = 0; i < 1300; ++i) {
    auto run = RunOf("top");
    run.started = At(i);
    ASSERT_EQ(Message(store->AbortRun(Get(store->BeginRun(run)))), "ok");
  }
  CommitRun(*store, "top", 5000, States({{{22, 22}, kOpen}}));
  EXPECT_TRUE(Get(store->RemoveExpired(Before(4000))));
  EXPECT_EQ(Sql("SELECT count(*) FROM runs"), Strings{"801"});
  RemoveAll(*store, Before(4000));
  EXPECT_EQ(Sql("SELECT count(*) FROM runs; PRAGMA freelist_count"), (Strings{"1", "0"}));
}

TEST_F(RetentionTest, EvidenceComesBackAsItWas) {
  auto store = Write();
  const auto finding = FindingOf(22, FindingState::kOpen);
  auto first = EvidenceOf(finding, At(3), 700);
  auto second = EvidenceOf(finding, At(9), 0);
  second.episode = 2;
  second.exchange.source.reset();
  const std::vector both = {first, second};
  ASSERT_EQ(Message(store->Commit({.findings = {&finding, 1}, .evidence = both})), "ok");
  const auto kept = Get(Read()->EvidenceOf(finding.id));
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].exchange, second.exchange);
  EXPECT_EQ(kept[1].exchange, first.exchange);
  EXPECT_EQ(kept[1].rates, first.rates);
  EXPECT_EQ(kept[1].run.seed, first.run.seed);
  EXPECT_EQ(kept[1].made, At(3));
  EXPECT_EQ(Get(store->EvidenceOf(finding.id + "-2")).at(0).episode, 2);
}

TEST_F(RetentionTest, ARunDoesNotBeginWhileAReaderHoldsAHugeLog) {
  auto store = Write();
  CommitRun(*store, "top", 0, States({{{22, 22}, kOpen}}));
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &reader), SQLITE_OK);
  sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM runs", nullptr, nullptr, nullptr);
  auto finding = FindingOf(22, FindingState::kOpen);
  for (; store->LogBytes() < kLogLimit; ++finding.episode) {
    auto evidence = EvidenceOf(finding, At(1), 32 << 20);
    evidence.episode = finding.episode;
    ASSERT_EQ(Message(store->Commit({.evidence = {&evidence, 1}})), "ok");
  }
  const auto refused = Message(store->BeginRun(RunOf("top")));
  EXPECT_TRUE(refused.starts_with(path_ + "-wal: another program reads an old state")) << refused;
  sqlite3_exec(reader, "COMMIT", nullptr, nullptr, nullptr);
  sqlite3_close(reader);
  CommitRun(*store, "top", 100, States({{{22, 22}, kOpen}}));
  EXPECT_LT(store->LogBytes(), kLogLimit / 8) << "and it is small again";
}

}  // namespace
}  // namespace postern::storage

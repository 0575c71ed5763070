#include <algorithm>
#include <map>
#include <random>

#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using Strings = std::vector<std::string>;

const IpAddress kHost = Address("192.0.2.1");

class SnapshotTest : public StoreTest {
 protected:
  std::string Loaded(Store& store, std::int64_t run) { return Text(Get(store.LoadSnapshot(run))); }
  std::string Known(Store& store, std::vector<IpAddress> addresses) {
    return Text(Get(store.LastKnownStates(addresses)));
  }
  // Every port interval of the scan's own series.
  Strings Intervals() {
    return Sql(
        "SELECT first_port, last_port, p.state, from_run, to_run FROM port_intervals AS p "
        "JOIN series AS s ON s.id = p.series WHERE s.kind = 'scan' ORDER BY from_run, first_port");
  }
};

TEST_F(SnapshotTest, ComesBackWithEverythingThatWasCommitted) {
  auto store = Write();
  Snapshot snapshot;
  snapshot.run = RunOf("nightly 'sweep'; DROP TABLE runs; --");
  auto& coverage = snapshot.coverage;
  coverage.asked = 9;
  coverage.unknown = 2;
  coverage.probes_sent = UINT64_MAX;
  coverage.replies = 4;
  coverage.retransmits = 5;
  coverage.capture_drops = 6;
  coverage.send_errors = {{"ENETUNREACH", 7}, {"EPERM", UINT64_MAX}};
  coverage.estimated_loss = 0.125;
  coverage.miss_probability = 1.0 / 512;
  coverage.udp_probes_sent = 3;
  coverage.udp_replies = 1;
  coverage.complete = true;
  coverage.blind = {false, true};
  coverage.unresolved = {"db.example", std::string("a\0b\xff\"", 5)};
  coverage.held_back = {{ScanBound::kHostRate, Duration(1500)}, {ScanBound::kMachine, Duration(1)}};
  coverage.slow_hosts = {Address("192.0.2.9"), Address("2001:db8::1")};
  snapshot.addresses = {
      {kHost, {States({{{1, 99}, kClosed}, {{100, 100}, kOpen}, {{200, 65535}, kRejected}}), {}}},
      {Address("192.0.2.9"), {}},
      {Address("2001:db8::1"),
       {States({{{22, 22}, kNotProbed}}), States({{{53, 53}, kLocalError}, {{54, 54}, kOpen}})}},
  };
  Commit(*store, snapshot);
  EXPECT_EQ(Loaded(*store, snapshot.run.id), Text(snapshot));
  EXPECT_EQ(Loaded(*Read(), snapshot.run.id), Text(snapshot));
}

TEST_F(SnapshotTest, AnotherRunThatSawTheSameAddsOneRow) {
  auto store = Write();
  auto snapshot = TcpSnapshot("top", kHost,
                              States({{{1, 21}, kClosed}, {{22, 22}, kOpen}, {{23, 99}, kClosed}}));
  Commit(*store, snapshot);
  const Strings before = Intervals();
  EXPECT_EQ(before, (Strings{"22|22|open|1|NULL"}));
  Commit(*store, snapshot);
  EXPECT_EQ(Intervals(), before);
  EXPECT_EQ(Sql("SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM plans), "
                "(SELECT count(*) FROM host_intervals)"),
            (Strings{"2|1|2"}));
}

TEST_F(SnapshotTest, ARowEndsWhereARunSawSomethingElse) {
  auto store = Write();
  auto first = TcpSnapshot("top", kHost, States({{{1, 80}, kClosed}, {{81, 84}, kOpen}}));
  auto second = TcpSnapshot(
      "top", kHost,
      States({{{1, 80}, kClosed}, {{81, 82}, kOpen}, {{83, 83}, kNotProbed}, {{84, 84}, kOpen}}));
  auto third = TcpSnapshot("top", kHost, States({{{83, 83}, kClosed}}));
  for (auto* snapshot : {&first, &second, &third}) Commit(*store, *snapshot);
  EXPECT_EQ(Intervals(), (Strings{"81|84|open|1|2", "81|82|open|2|NULL", "83|83|unknown|2|3",
                                  "84|84|open|2|NULL"}));
  for (auto* snapshot : {&first, &second, &third}) {
    EXPECT_EQ(Loaded(*store, snapshot->run.id), Text(*snapshot));
  }
}

TEST_F(SnapshotTest, AHostThatChangesAsAWholeKeepsItsExceptions) {
  auto store = Write();
  auto closed = TcpSnapshot(
      "full", kHost, States({{{1, 21}, kClosed}, {{22, 22}, kOpen}, {{23, 65535}, kClosed}}));
  auto filtered = TcpSnapshot(
      "full", kHost, States({{{1, 21}, kFiltered}, {{22, 22}, kOpen}, {{23, 65535}, kFiltered}}));
  Commit(*store, closed);
  Commit(*store, filtered);
  EXPECT_EQ(Intervals(), (Strings{"22|22|open|1|NULL"}));
  EXPECT_EQ(Sql("SELECT h.state, from_run, to_run FROM host_intervals AS h JOIN series AS s "
                "ON s.id = h.series WHERE s.kind = 'scan' ORDER BY from_run"),
            (Strings{"closed|1|2", "filtered|2|NULL"}));
  EXPECT_EQ(Loaded(*store, closed.run.id), Text(closed));
  EXPECT_EQ(Loaded(*store, filtered.run.id), Text(filtered));
}

TEST_F(SnapshotTest, OfARunThatWasNotCommittedIsAnError) {
  auto store = Write();
  const auto run = Get(store->BeginRun(RunOf("top")));
  EXPECT_EQ(Message(store->LoadSnapshot(run)),
            "there is no snapshot 1: no run of this number was committed");
  ASSERT_EQ(Message(store->AbortRun(run)), "ok");
  auto snapshot = TcpSnapshot("top", kHost, {});
  snapshot.run.id = run;
  EXPECT_EQ(Message(store->Commit({.snapshot = &snapshot})),
            "run 1 is not running: it was never begun, or it is already committed or aborted");
  EXPECT_EQ(Message(store->AbortRun(run)),
            "run 1 is not running: it was never begun, or it is already committed or aborted");
}

// It looked at slow hosts alone: the schedule and the age of the scan go by the run before it.
TEST_F(SnapshotTest, ARunThatContinuesAnotherIsNoRunOfTheSchedule) {
  auto store = Write();
  auto first = TcpSnapshot("top", kHost, States({{{22, 22}, kClosed}, {{80, 80}, kNotProbed}}));
  Commit(*store, first);
  auto rest = TcpSnapshot("top", kHost, States({{{80, 80}, kOpen}}));
  rest.run.continues = first.run.id;
  rest.run.started = At(61);
  rest.run.finished = At(90);
  Commit(*store, rest);

  EXPECT_EQ(Loaded(*store, rest.run.id), Text(rest));
  EXPECT_EQ(Get(store->Runs(INT64_MAX, 1)).at(0).info.continues, first.run.id);
  EXPECT_EQ(Get(store->ObservationsOf("top", 1)).round, At(0));
  EXPECT_EQ(Get(store->ObservationsOf("top", 2)).round, std::nullopt);
  const auto history = Get(store->HistoryOf("top"));
  EXPECT_EQ(history.runs, 1U);
  EXPECT_EQ(history.last_started, At(0));
  EXPECT_EQ(history.last_success, At(60));
}

TEST_F(SnapshotTest, RunsOfOneScanAreCommittedInOrder) {
  auto store = Write();
  auto early = TcpSnapshot("top", kHost, States({{{22, 22}, kClosed}}));
  early.run.id = Get(store->BeginRun(early.run));
  auto late = TcpSnapshot("top", kHost, States({{{22, 22}, kOpen}}));
  Commit(*store, late);
  EXPECT_EQ(Message(store->Commit({.snapshot = &early})),
            "run 1 of scan 'top' comes too late: its later run 2 is already committed");
}

TEST_F(SnapshotTest, LastKnownIsTheNewestVerdictOfEachPortFromAllScans) {
  auto store = Write();
  auto full = TcpSnapshot("full", kHost, States({{{1, 1000}, kClosed}}));
  auto top = TcpSnapshot("top", kHost, States({{{22, 22}, kOpen}, {{80, 80}, kFiltered}}));
  auto unsure = TcpSnapshot("full", kHost, States({{{20, 30}, kNotProbed}}));
  for (auto* snapshot : {&full, &top, &unsure}) Commit(*store, *snapshot);
  EXPECT_EQ(Known(*store, {Address("192.0.2.77"), kHost, kHost}),
            "192.0.2.1 tcp 1-21=closed/rst 22-22=open/syn-ack 23-79=closed/rst "
            "80-80=filtered/no-response 81-1000=closed/rst udp\n");
}

TEST_F(SnapshotTest, ABlindFamilyIsKeptButNotKnown) {
  auto store = Write();
  const auto six = Address("2001:db8::1");
  auto good = TcpSnapshot("top", kHost, States({{{22, 22}, kOpen}}));
  good.addresses.push_back({six, {States({{{22, 22}, kOpen}}), {}}});
  auto blind = good;
  blind.coverage.blind = {true, false};
  for (auto& states : blind.addresses) states.of(Protocol::kTcp) = States({{{22, 22}, kFiltered}});
  auto after = good;
  for (auto* snapshot : {&good, &blind}) Commit(*store, *snapshot);
  EXPECT_EQ(Known(*store, {kHost, six}),
            "192.0.2.1 tcp 22-22=open/syn-ack udp\n"
            "2001:db8::1 tcp 22-22=filtered/no-response udp\n");
  Commit(*store, after);
  for (auto* snapshot : {&good, &blind, &after}) {
    EXPECT_EQ(Loaded(*store, snapshot->run.id), Text(*snapshot));
  }
}

TEST_F(SnapshotTest, AnAddressWithoutAnyVerdictIsNotKnown) {
  auto store = Write();
  auto snapshot = TcpSnapshot("top", kHost, States({{{22, 22}, kNotProbed}}));
  Commit(*store, snapshot);
  EXPECT_EQ(Known(*store, {kHost}), "");
}

TEST_F(SnapshotTest, HistoryAndCursorFollowTheScan) {
  auto store = Write();
  EXPECT_EQ(Get(store->HistoryOf("full")).runs, 0U);
  EXPECT_EQ(Get(store->Cursor("full")), std::nullopt);
  auto complete = TcpSnapshot("full", kHost, States({{{1, 1}, kOpen}}));
  Commit(*store, complete);
  auto partial = complete;
  partial.coverage.complete = false;
  partial.run.started = At(100);
  partial.run.finished = At(110);
  partial.run.id = Get(store->BeginRun(partial.run));
  const SweepCursor cursor{"tcp/1-65535", 4096, At(7)};
  ASSERT_EQ(Message(store->Commit({.snapshot = &partial, .cursor = {{"full", cursor}}})), "ok");
  EXPECT_EQ(Get(store->Cursor("full")), cursor);
  const auto history = Get(store->HistoryOf("full"));
  EXPECT_EQ(history.runs, 2U);
  EXPECT_EQ(history.last_success, At(60));
  EXPECT_EQ(history.last_started, At(100));
  EXPECT_EQ(Get(store->HistoryOf("top")).last_started, std::nullopt);
}

// Random snapshots, and beside the store a model of what it must answer.
class RandomRuns {
 public:
  explicit RandomRuns(unsigned seed) : random_(seed) {
    for (int i = 0; i < 5; ++i) {
      addresses_.push_back(kHost.Plus(static_cast<std::uint64_t>(i)));
      addresses_.push_back(Address("2001:db8::1").Plus(static_cast<std::uint64_t>(i)));
    }
    std::ranges::sort(addresses_);
  }

  Snapshot Next() {
    Snapshot snapshot;
    snapshot.run = RunOf(Chance(50) ? "full" : "top");
    snapshot.coverage.blind = {Chance(15), Chance(15)};
    for (const auto& address : addresses_) {
      if (Chance(20)) continue;
      AddressStates states{address, {RandomStates(address), RandomStates(address)}};
      if (Chance(40)) states.of(Protocol::kUdp) = {};
      snapshot.addresses.push_back(states);
    }
    return snapshot;
  }

  void Learn(const Snapshot& snapshot) {
    for (const auto& states : snapshot.addresses) {
      if (!snapshot.coverage.Trusted(states.address.family())) continue;
      for (const auto protocol : kProtocols) {
        for (const auto& [ports, verdict] : states.of(protocol).ranges()) {
          if (verdict.state == PortState::kUnknown) continue;
          for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
            known_[states.address][protocol][static_cast<std::uint16_t>(port)] = verdict;
          }
        }
      }
    }
  }

  std::vector<AddressStates> Known() const {
    std::vector<AddressStates> known;
    for (const auto& [address, protocols] : known_) {
      AddressStates last{address, {}};
      for (const auto& [protocol, ports] : protocols) {
        for (const auto& [port, verdict] : ports) {
          last.of(protocol).Append({port, port}, verdict);
        }
      }
      known.push_back(last);
    }
    return known;
  }

  const std::vector<IpAddress>& addresses() const { return addresses_; }

 private:
  bool Chance(int percent) { return std::uniform_int_distribution(1, 100)(random_) <= percent; }
  std::uint16_t Port(int low, int high) {
    return static_cast<std::uint16_t>(std::uniform_int_distribution(low, high)(random_));
  }

  // Few ports, so that runs meet; a usual verdict that differs by address and changes at times.
  PortStates RandomStates(const IpAddress& address) {
    static constexpr std::array kVerdicts = {kClosed,   kFiltered,  kOpen,
                                             kRejected, kNotProbed, kLocalError};
    PortStates states;
    const std::size_t usual = Chance(10) ? Port(0, 5) : address.bytes().back() % 3;
    const int end = Port(1, 40);
    for (int port = Chance(30) ? 65500 : Port(1, 20), last = port + end; port <= last;) {
      const int stop = std::min({last, port + Port(0, 12), 65535});
      if (!Chance(15)) {
        states.Append({static_cast<std::uint16_t>(port), static_cast<std::uint16_t>(stop)},
                      kVerdicts[Chance(60) ? usual : Port(0, 5)]);
      }
      port = stop + 1;
      if (port > 65535) break;
    }
    return states;
  }

  std::mt19937 random_;
  std::vector<IpAddress> addresses_;
  std::map<IpAddress, std::map<Protocol, std::map<std::uint16_t, Verdict>>> known_;
};

TEST_F(SnapshotTest, EveryRunOfManyComesBackAsItWas) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    auto store = Write();
    RandomRuns random(seed);
    std::vector<Snapshot> committed;
    for (int i = 0; i < 40; ++i) {
      auto snapshot = random.Next();
      Commit(*store, snapshot);
      random.Learn(snapshot);
      committed.push_back(snapshot);
      ASSERT_EQ(Known(*store, random.addresses()), Text(random.Known()));
    }
    for (const auto& snapshot : committed) {
      ASSERT_EQ(Loaded(*store, snapshot.run.id), Text(snapshot));
    }
  }
}

TEST_F(SnapshotTest, AnUnchangedRescanCostsLittleSpace) {
  constexpr int kRuns = 50;
  auto store = Write();
  Snapshot snapshot;
  snapshot.run = RunOf("top");
  for (std::uint64_t i = 0; i < 200; ++i) {
    const auto web = static_cast<std::uint16_t>(80 + i);
    snapshot.addresses.push_back({kHost.Plus(i),
                                  {States({{{1, 21}, kClosed},
                                           {{22, 22}, kOpen},
                                           {{23, static_cast<std::uint16_t>(web - 1)}, kClosed},
                                           {{web, web}, kOpen},
                                           {{static_cast<std::uint16_t>(web + 1), 1000}, kClosed}}),
                                   {}}});
  }
  Commit(*store, snapshot);
  const auto size = [&] {
    Sql("PRAGMA wal_checkpoint(TRUNCATE)");
    return std::filesystem::file_size(path_);
  };
  const auto before = size();
  for (int i = 0; i < kRuns; ++i) Commit(*store, snapshot);
  const auto grown = size() - before;
  EXPECT_LE(grown / kRuns, 2048U);
  RecordProperty("bytes_per_unchanged_run", static_cast<int>(grown / kRuns));
}

}  // namespace
}  // namespace postern::storage

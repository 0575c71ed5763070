// The store under the faults that a machine has: a killed process, a full disk, other programs.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using Strings = std::vector<std::string>;

class CrashTest : public StoreTest {
 protected:
  // What run `id` saw: known from its number, so that anybody can check it.
  static Snapshot SnapshotOf(std::int64_t id) {
    Snapshot snapshot;
    snapshot.run = RunOf("full");
    snapshot.run.id = id;
    for (std::uint64_t i = 0; i < 20; ++i) {
      const auto port =
          static_cast<std::uint16_t>(100 + (static_cast<std::uint64_t>(id) * 7 + i) % 50);
      snapshot.addresses.push_back({Address("192.0.2.1").Plus(i),
                                    {States({{{1, 99}, kClosed},
                                             {{port, port}, id % 3 == 0 ? kNotProbed : kOpen},
                                             {{200, 300}, kClosed}}),
                                     {}}});
    }
    return snapshot;
  }

  // What is known when runs 1 to `newest` are committed.
  static std::vector<AddressStates> KnownAfter(std::int64_t newest) {
    std::vector<AddressStates> known;
    for (std::int64_t run = 1; run <= newest; ++run) {
      const auto snapshot = SnapshotOf(run);
      known.resize(snapshot.addresses.size());
      for (std::size_t i = 0; i < known.size(); ++i) {
        known[i].address = snapshot.addresses[i].address;
        for (const auto& [ports, verdict] : snapshot.addresses[i].of(Protocol::kTcp).ranges()) {
          if (verdict != kNotProbed) {
            known[i].of(Protocol::kTcp).Overlay(States({{ports, verdict}}));
          }
        }
      }
    }
    return known;
  }

  static Finding FindingOf(std::int64_t id) {
    Finding finding;
    finding.viewpoint = "public";
    finding.drift.subject = "192.0.2.1";
    finding.last_run = id;
    finding.last_seen = At(id);
    finding.id = FindingId(finding.viewpoint, finding.drift);
    return finding;
  }

  // Run, finding, outbox row and cursor, all of one number.
  static Result<std::int64_t> CommitNext(Store& store) {
    auto run = store.BeginRun(RunOf("full"));
    if (!run) return run;
    const auto snapshot = SnapshotOf(*run);
    const auto finding = FindingOf(*run);
    const Transition changed{finding.id, 1, TransitionKind::kChanged, At(*run)};
    const SweepCursor cursor{"tcp/1-65535", static_cast<std::uint64_t>(*run), At(0)};
    auto committed = store.Commit({.snapshot = &snapshot,
                                   .findings = {&finding, 1},
                                   .outbox = {{"am", {changed}}},
                                   .cursor = {{"full", cursor}}});
    if (!committed) return committed.error();
    return run;
  }

  Strings RunsIn(const std::string& state) const {
    return Sql("SELECT id FROM runs WHERE state = '" + state + "' ORDER BY id");
  }

  // Every committed run is whole, and finding, outbox and cursor tell of the newest of them.
  void ExpectWhole(Store& store) const {
    const Strings committed = RunsIn("committed");
    for (const auto& id : committed) {
      ASSERT_EQ(Text(Get(store.LoadSnapshot(std::stoll(id)))), Text(SnapshotOf(std::stoll(id))));
    }
    ASSERT_EQ(Get(store.Outbox("am", At(0))).size(), committed.size());
    if (committed.empty()) return;
    const auto newest = std::stoll(committed.back());
    ASSERT_EQ(Get(store.Findings()), std::vector{FindingOf(newest)});
    ASSERT_EQ(Get(store.Cursor("full"))->position, static_cast<std::uint64_t>(newest));
  }
};

// Commits for ever, and writes the number of each committed run to `reports`.
[[noreturn]] void CommitForEver(const std::string& path, int reports,
                                Result<std::int64_t> (*commit_next)(Store&)) {
  auto store = Store::Open(path, Access::kWrite);
  while (store) {
    const auto run = commit_next(**store);
    if (!run || write(reports, &*run, sizeof *run) != sizeof *run) break;
  }
  _exit(1);
}

TEST_F(CrashTest, AKilledWriterLeavesOnlyWholeRuns) {
  // Each check reads every run that there is.
  constexpr int kKillsOfOneDatabase = 20;
  // scripts/crash.sh asks for more.
  const char* rounds = std::getenv("POSTERN_CRASH_ROUNDS");
  const int kills = rounds == nullptr ? 20 : std::atoi(rounds);
  std::mt19937 random(20);
  std::int64_t reported = 0;
  for (int i = 0; i < kills; ++i) {
    if (i % kKillsOfOneDatabase == 0) {
      for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
      reported = 0;
    }
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t child = fork();
    if (child == 0) CommitForEver(path_, ends[1], &CommitNext);
    close(ends[1]);
    // At any moment of some commit after the first few, or while the database is made.
    if (i % kKillsOfOneDatabase > 0) {
      ASSERT_EQ(read(ends[0], &reported, sizeof reported), static_cast<ssize_t>(sizeof reported));
    }
    std::this_thread::sleep_for(
        std::chrono::microseconds(std::uniform_int_distribution(0, 15'000)(random)));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself";
    while (read(ends[0], &reported, sizeof reported) == sizeof reported) {
    }
    close(ends[0]);

    auto store = Write();
    EXPECT_EQ(RunsIn("running"), Strings());
    const Strings committed = RunsIn("committed");
    EXPECT_GE(committed.empty() ? 0 : std::stoll(committed.back()), reported);
    ExpectWhole(*store);
  }
}

TEST_F(CrashTest, AFullDiskLosesNothingAndRecovers) {
  auto store = Write();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Message(CommitNext(*store)), "ok");
  const auto run = Get(store->BeginRun(RunOf("full")));
  const auto snapshot = SnapshotOf(run);
  const auto known = Get(store->LastKnownStates(std::vector{Address("192.0.2.1")}));

  // The log may not grow: write(2) fails just as on a full disk.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{std::filesystem::file_size(path_ + "-wal") + 5000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const std::string failed = Message(store->Commit({.snapshot = &snapshot}));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(failed, path_ +
                        ": reading or writing failed, nothing of this change was stored; check "
                        "the disk and its free space (SQLite: disk I/O error)");
  EXPECT_EQ(Message(store->LoadSnapshot(run)),
            "there is no snapshot 6: no run of this number was committed");
  EXPECT_EQ(Text(Get(store->LastKnownStates(std::vector{Address("192.0.2.1")}))), Text(known));
  ExpectWhole(*store);
  ASSERT_EQ(Message(store->Commit({.snapshot = &snapshot})), "ok") << "the same run, once more";
  EXPECT_EQ(Text(Get(store->LoadSnapshot(run))), Text(snapshot));
}

int LimitPages(sqlite3* connection, char**, const sqlite3_api_routines*) {
  return sqlite3_exec(connection, "PRAGMA max_page_count = 60", nullptr, nullptr, nullptr);
}

TEST_F(CrashTest, AFullDatabaseTakesNothingHalf) {
  // Each connection of this test gets the limit, the store's own too.
  const auto extension = reinterpret_cast<void (*)()>(LimitPages);
  ASSERT_EQ(sqlite3_auto_extension(extension), SQLITE_OK);
  auto store = Write();
  std::string said = "ok";
  for (int i = 0; i < 10'000 && said == "ok"; ++i) said = Message(CommitNext(*store));
  EXPECT_EQ(said, path_ +
                      ": no space is left, nothing of this change was stored; free space on its "
                      "file system (SQLite: database or disk is full)");
  ExpectWhole(*store);
  store.reset();
  sqlite3_cancel_auto_extension(extension);
  store = Write();
  EXPECT_EQ(Message(CommitNext(*store)), "ok");
  ExpectWhole(*store);
}

// A file system of 4 MiB at `folder`, seen by this process alone; false where that is not allowed.
bool MountSmallDisk(const std::string& folder) {
  const std::string map = "0 " + std::to_string(geteuid()) + " 1";
  if (geteuid() != 0) {
    if (unshare(CLONE_NEWUSER) != 0) return false;
    std::ofstream("/proc/self/uid_map") << map;
  }
  return unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=4m") == 0;
}

TEST_F(CrashTest, AFullFileSystemIsNamed) {
  const std::string answer = InChild([&]() -> std::string {
    if (!MountSmallDisk(folder_)) return "no mounts here";
    auto store = Store::Open(path_, Access::kWrite);
    if (!store) return store.error().message;
    const std::string filler = folder_ + "/filler";
    std::ofstream(filler) << std::string(4 << 20, 'x');
    std::string said = Message(CommitNext(**store));
    std::filesystem::remove(filler);
    said += "\nthen " + Message(CommitNext(**store));
    return said + "\nthere are " + std::to_string(RunsIn("committed").size());
  });
  if (answer == "no mounts here") GTEST_SKIP() << "needs user namespaces";
  EXPECT_EQ(answer, path_ +
                        ": no space is left, nothing of this change was stored; free space on "
                        "its file system (SQLite: database or disk is full)\nthen ok\nthere "
                        "are 1");
}

TEST_F(CrashTest, AReaderSeesWholeRunsWhileAnotherThreadWrites) {
  constexpr std::int64_t kRuns = 60;
  auto store = Write();
  ASSERT_EQ(Message(CommitNext(*store)), "ok");
  std::string written = "ok";
  std::atomic<bool> failed = false;
  std::thread writer([&] {
    for (std::int64_t i = 1; i < kRuns && !failed; ++i) {
      written = Message(CommitNext(*store));
      failed = written != "ok";
    }
  });
  auto reader = Read();
  std::vector<IpAddress> addresses;
  for (const auto& states : SnapshotOf(1).addresses) addresses.push_back(states.address);
  std::int64_t newest = 0;
  while (newest < kRuns && !failed && !HasFailure()) {
    const auto position = static_cast<std::int64_t>(Get(reader->Cursor("full"))->position);
    EXPECT_GE(position, newest);
    newest = position;
    EXPECT_EQ(Text(Get(reader->LoadSnapshot(newest))), Text(SnapshotOf(newest)));
    const auto known = Text(Get(reader->LastKnownStates(addresses)));
    std::int64_t run = newest;
    while (run < kRuns && known != Text(KnownAfter(run))) ++run;
    EXPECT_EQ(known, Text(KnownAfter(run)));
  }
  writer.join();
  EXPECT_EQ(written, "ok");
  EXPECT_EQ(newest, kRuns);
}

TEST_F(CrashTest, ABackupWhileWritingIsAWholeDatabase) {
  auto store = Write();
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Message(CommitNext(*store)), "ok");
  const std::string backup = folder_ + "/backup.db";
  Sql("VACUUM INTO '" + backup + "'");
  ASSERT_EQ(Message(CommitNext(*store)), "ok");
  path_ = backup;
  auto restored = Write();
  EXPECT_EQ(RunsIn("committed").size(), 5U);
  ExpectWhole(*restored);
}

TEST_F(CrashTest, GivesUpOnAnotherProgramThatKeepsItLocked) {
  auto store = Write();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(Message(CommitNext(*store)),
            path_ +
                ": another program has kept it locked for 5 s; end that program's transaction "
                "(SQLite: database is locked)");
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_EQ(Message(CommitNext(*store)), "ok");
}

}  // namespace
}  // namespace postern::storage

// The store on a file system that fails under it, and beside programs that hold the database.
#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "storage/database.h"
#include "storage/schema.h"
#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using Strings = std::vector<std::string>;

// What SQLite's writes meet in this process.
int writes_left = INT_MAX;  // then the process is killed in the middle of one
int write_error = 0;        // errno of all writes; 0: they work

ssize_t FaultyWrite(int file, const void* bytes, std::size_t size, off_t at) {
  if (write_error != 0) {
    errno = write_error;
    return -1;
  }
  if (writes_left-- > 0) return ::pwrite(file, bytes, size, at);
  static_cast<void>(::pwrite(file, bytes, size / 2, at));
  ::kill(::getpid(), SIGKILL);
  return -1;
}

// Either name is that of the call which the library was built to use (sqlite3.h, xSetSystemCall).
void MakeWritesFaulty(bool faulty) {
  auto* vfs = sqlite3_vfs_find(nullptr);
  const auto call = reinterpret_cast<sqlite3_syscall_ptr>(&FaultyWrite);
  for (const char* name : {"pwrite", "pwrite64"}) {
    vfs->xSetSystemCall(vfs, name, faulty ? call : nullptr);
  }
}

class FaultTest : public StoreTest {
 protected:
  static Result<std::int64_t> CommitOne(Store& store, const Verdict& verdict) {
    auto snapshot = TcpSnapshot("top", Address("192.0.2.1"), States({{{22, 22}, verdict}}));
    auto run = store.BeginRun(snapshot.run);
    if (!run) return run;
    snapshot.run.id = *run;
    if (auto committed = store.Commit({.snapshot = &snapshot}); !committed) {
      return committed.error();
    }
    return run;
  }

  static Strings SchemaOf(const std::string& path) {
    sqlite3* connection = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &connection), SQLITE_OK);
    Strings schema;
    sqlite3_exec(
        connection, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
        [](void* out, int, char** values, char**) {
          static_cast<Strings*>(out)->emplace_back(values[0]);
          return 0;
        },
        &schema, nullptr);
    sqlite3_close(connection);
    return schema;
  }

  // A database of schema `version`, with runs in it.
  static void MakeOld(const std::string& path, std::int64_t version) {
    ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0640));
    auto database = Get(Database::Open(path, Database::Mode::kWrite));
    const auto steps = SchemaSteps().first(static_cast<std::size_t>(version));
    EXPECT_EQ(Message(database.Execute("PRAGMA journal_mode = WAL")), "ok");
    EXPECT_EQ(Message(Migrate(database, 0, steps)), "ok");
    EXPECT_EQ(
        Message(database.Execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
            "INSERT INTO runs (scan, stage, viewpoint, policy_hash, program_version, seed, "
            "started, finished, state) SELECT 'top', 'top', 'public', '', '', i, i, i, 'aborted' "
            "FROM n")),
        "ok");
  }

  void Replace(const std::string& original) const {
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
    std::filesystem::copy_file(original, path_, std::filesystem::copy_options::overwrite_existing);
  }
};

TEST_F(FaultTest, AMigrationKilledAtAnyWriteIsAllOrNothing) {
  const auto newest = std::ssize(SchemaSteps());
  std::vector<Strings> schemas(1);
  for (std::int64_t version = 1; version <= newest; ++version) {
    const std::string path = folder_ + "/schema-" + std::to_string(version);
    MakeOld(path, version);
    schemas.push_back(SchemaOf(path));
  }
  const std::string old = folder_ + "/schema-1";
  Sql("PRAGMA journal_mode");  // makes the file
  int writes = 0;
  for (bool killed = true; killed; ++writes) {
    Replace(old);
    const pid_t child = fork();
    if (child == 0) {
      MakeWritesFaulty(true);
      writes_left = writes;
      _exit(Store::Open(path_, Access::kWrite) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    killed = WIFSIGNALED(status);
    ASSERT_TRUE(killed || WEXITSTATUS(status) == 0) << "write " << writes;

    SCOPED_TRACE("killed at write " + std::to_string(writes));
    ASSERT_EQ(Sql("PRAGMA integrity_check"), Strings{"ok"});
    const auto version = std::stoll(Sql("PRAGMA user_version").at(0));
    ASSERT_EQ(SchemaOf(path_), schemas.at(static_cast<std::size_t>(version)));
    ASSERT_EQ(Message(Store::Open(path_, Access::kWrite)), "ok");
    ASSERT_EQ(Sql("PRAGMA user_version; SELECT count(*) FROM runs"),
              (Strings{std::to_string(newest), "500"}));
  }
  EXPECT_GT(writes, 20);
}

TEST_F(FaultTest, AFileSystemThatTurnsReadOnlyIsNamedAndRecovers) {
  const auto said = InChild([&] {
    auto store = Write();
    std::string text = Message(CommitOne(*store, kOpen));
    MakeWritesFaulty(true);
    write_error = EROFS;
    text += "\n" + Message(CommitOne(*store, kClosed));
    const std::vector addresses = {Address("192.0.2.1")};
    text += "\nstill " + Text(Get(store->LastKnownStates(addresses)));
    write_error = 0;
    text += Message(CommitOne(*store, kClosed));
    return text + "\nnow " + Text(Get(store->LastKnownStates(addresses)));
  });
  EXPECT_EQ(said,
            "ok\n" + path_ +
                ": it cannot be written here; check its owner and mode, and that its file system "
                "is not mounted read-only (SQLite: disk I/O error)\n"
                "still 192.0.2.1 tcp 22-22=open/syn-ack udp\n"
                "ok\n"
                "now 192.0.2.1 tcp 22-22=closed/rst udp\n");
}

TEST_F(FaultTest, WaitsForAProgramThatHoldsTheDatabaseForAMoment) {
  auto store = Write();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  std::thread holder([other] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // how long it holds it
    sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
  });
  EXPECT_EQ(Message(CommitOne(*store, kOpen)), "ok");
  holder.join();
  sqlite3_close(other);
}

// SQLite's own backup holds a lock for each group of pages, and begins anew when it meets a change.
TEST_F(FaultTest, ABackupInStepsNeitherFailsNorMakesAWriterFail) {
  auto store = Write();
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Message(CommitOne(*store, i % 2 == 0 ? kOpen : kClosed)), "ok");
  }
  const std::string copy = folder_ + "/copy.db";
  sqlite3* from = nullptr;
  sqlite3* to = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &from), SQLITE_OK);
  ASSERT_EQ(sqlite3_open(copy.c_str(), &to), SQLITE_OK);
  auto* backup = sqlite3_backup_init(to, "main", from, "main");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(sqlite3_backup_step(backup, 2), SQLITE_OK);
    EXPECT_EQ(Message(CommitOne(*store, kOpen)), "ok");
  }
  EXPECT_EQ(sqlite3_backup_step(backup, -1), SQLITE_DONE);
  EXPECT_EQ(sqlite3_backup_finish(backup), SQLITE_OK);
  sqlite3_close(from);
  sqlite3_close(to);
  store.reset();
  path_ = copy;
  EXPECT_EQ(Message(Store::Open(copy, Access::kWrite)), "ok");
  EXPECT_EQ(Sql("SELECT count(*) FROM runs WHERE state = 'committed'"), Strings{"23"});
}

}  // namespace
}  // namespace postern::storage

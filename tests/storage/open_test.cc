#include <sys/stat.h>

#include <fstream>

#include "storage/database.h"
#include "storage/schema.h"
#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using Strings = std::vector<std::string>;

constexpr uid_t kNobody = 65534;

class OpenTest : public StoreTest {
 protected:
  std::string Opened(Access access) const { return Message(Store::Open(path_, access)); }

  std::string Damage(const std::string& what) const {
    return path_ + ": the file is damaged or not a database of Postern (" + what +
           "); to restore it, stop the daemon, keep a copy of the file, remove " + path_ +
           "-wal and " + path_ + "-shm, and copy a backup over it";
  }

  std::string Content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Replace(const std::string& content) const {
    std::ofstream(path_, std::ios::binary) << content;
  }

  // What `ask` says to somebody whom permissions bind.
  static std::string AsNobody(const std::function<std::string()>& ask) {
    return InChild([&] {
      if (geteuid() == 0 && (setgid(kNobody) != 0 || setuid(kNobody) != 0)) {
        return std::string("this process cannot become another user");
      }
      return ask();
    });
  }
};

TEST_F(OpenTest, CreatesForWritingOnly) {
  EXPECT_EQ(Opened(Access::kRead),
            path_ + ": there is no such database; posternd creates it when it first starts");
  EXPECT_FALSE(std::filesystem::exists(path_));
  const mode_t mask = umask(0);
  EXPECT_EQ(Opened(Access::kWrite), "ok");
  umask(mask);
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
  EXPECT_EQ(Opened(Access::kRead), "ok");
}

TEST_F(OpenTest, AFolderThatIsMissingOrForbiddenIsAnError) {
  path_ = folder_ + "/none/postern.db";
  EXPECT_EQ(Opened(Access::kWrite),
            path_ +
                ".lock: the lock of the database cannot be taken: No such file or directory; "
                "its folder must exist, and this user must be able to write there");
  path_ = folder_ + "/postern.db";
  ASSERT_EQ(chmod(folder_.c_str(), 0555), 0);
  EXPECT_EQ(AsNobody([&] { return Opened(Access::kWrite); }),
            path_ +
                ".lock: the lock of the database cannot be taken: Permission denied; its "
                "folder must exist, and this user must be able to write there");
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
}

TEST_F(OpenTest, ALockIsNeverSomebodyElsesFile) {
  const std::string lock = path_ + ".lock";
  const std::string victim = folder_ + "/victim";
  std::ofstream(victim) << "precious";
  const auto refused = lock +
                       ": is no lock of Postern's: a link, or a file of another user or kind; "
                       "remove it, or give it to the owner of its folder";
  ASSERT_EQ(symlink(victim.c_str(), lock.c_str()), 0);
  EXPECT_EQ(Opened(Access::kWrite), refused);
  unlink(lock.c_str());
  ASSERT_EQ(link(victim.c_str(), lock.c_str()), 0);
  EXPECT_EQ(Opened(Access::kWrite), refused);
  unlink(lock.c_str());
  ASSERT_EQ(mkfifo(lock.c_str(), 0600), 0);
  EXPECT_EQ(Opened(Access::kWrite), refused);
  unlink(lock.c_str());
  EXPECT_EQ(Opened(Access::kWrite), "ok");
  std::string text;
  std::ifstream(victim) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(OpenTest, WhatRootCreatesBelongsToTheOwnerOfTheFolder) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown(folder_.c_str(), 65534, 65534), 0);
  EXPECT_EQ(Opened(Access::kWrite), "ok");
  for (const char* suffix : {"", ".lock"}) {
    struct stat file {};
    ASSERT_EQ(stat((path_ + suffix).c_str(), &file), 0) << suffix;
    EXPECT_EQ(file.st_uid, 65534U) << suffix;
  }
  EXPECT_EQ(AsNobody([&] { return Opened(Access::kWrite); }), "ok");
}

TEST_F(OpenTest, ASecondWriterIsToldWhoTheFirstIs) {
  const auto first = Write();
  const std::string refused = path_ + ": process " + std::to_string(getpid()) +
                              " has the database open for writing, and only one may; stop it first "
                              "(posternd: `systemctl stop posternd`)";
  EXPECT_EQ(Opened(Access::kWrite), refused);
  const std::string link = folder_ + "/link.db";
  std::filesystem::create_symlink(path_, link);
  EXPECT_EQ(Message(Store::Open(link, Access::kWrite)), refused);
  EXPECT_EQ(Opened(Access::kRead), "ok");
}

TEST_F(OpenTest, ThoseWhoMayOnlyReadCanReadWithoutADaemon) {
  auto snapshot = TcpSnapshot("top", Address("192.0.2.1"), States({{{22, 22}, kOpen}}));
  {
    auto store = Write();
    Commit(*store, snapshot);
  }
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_EQ(chmod((path_ + suffix).c_str(), 0444), 0) << suffix;
  }
  ASSERT_EQ(chmod(folder_.c_str(), 0555), 0);
  EXPECT_EQ(AsNobody([&] { return Text(Get(Read()->LoadSnapshot(1))); }), Text(snapshot));
  ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
  if (geteuid() == 0) {
    EXPECT_EQ(AsNobody([&] { return Opened(Access::kRead); }),
              path_ +
                  ": it cannot be opened; check that you may read it, its -wal and -shm files, "
                  "and its folder (SQLite: unable to open database file)");
  }
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
}

TEST_F(OpenTest, AReaderCannotWrite) {
  Write();
  auto reader = Read();
  EXPECT_EQ(Message(reader->BeginRun(RunOf("top"))),
            path_ +
                ": it cannot be written here; check its owner and mode, and that its file "
                "system is not mounted read-only (SQLite: attempt to write a readonly "
                "database)");
}

TEST_F(OpenTest, RefusesADatabaseThatMayNotBeWritten) {
  Write();
  ASSERT_EQ(chmod(folder_.c_str(), 0777), 0);
  for (const char* suffix : {".lock", "-shm", "-wal"}) {
    ASSERT_EQ(chmod((path_ + suffix).c_str(), 0666), 0) << suffix;
  }
  ASSERT_EQ(chmod(path_.c_str(), 0444), 0);
  EXPECT_EQ(AsNobody([&] { return Opened(Access::kWrite); }),
            path_ +
                ": it cannot be written here; check its owner and mode, and that its file "
                "system is not mounted read-only (SQLite: attempt to write a readonly "
                "database)");
}

TEST_F(OpenTest, RefusesANewerSchema) {
  Write();
  Sql("PRAGMA user_version = 9");
  for (const auto access : {Access::kRead, Access::kWrite}) {
    EXPECT_EQ(Opened(access), path_ +
                                  ": made by a newer Postern (schema 9, this one knows 8): "
                                  "upgrade, or restore a backup");
  }
  EXPECT_EQ(Sql("PRAGMA user_version"), Strings{"9"});
}

TEST_F(OpenTest, MakesTheSecretOfTheRandomPortsOnce) {
  const auto secret_in = [](const std::string& path, Access access) {
    const auto store = Store::Open(path, access);
    EXPECT_TRUE(store) << store.error().message;
    return (*store)->ports_secret();
  };
  const auto secret = secret_in(path_, Access::kWrite);
  EXPECT_EQ(secret.size(), 64U);
  EXPECT_EQ(secret.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(secret_in(path_, Access::kWrite), secret);
  EXPECT_EQ(secret_in(path_, Access::kRead), secret);
  EXPECT_NE(secret_in(path_ + "-other", Access::kWrite), secret);
}

TEST_F(OpenTest, RefusesAnotherProgramsDatabaseAndLeavesItAsItIs) {
  Sql("CREATE TABLE theirs (a); PRAGMA application_id = 99");
  const std::string before = Content();
  for (const auto access : {Access::kRead, Access::kWrite}) {
    EXPECT_EQ(Opened(access),
              path_ +
                  ": this is another program's SQLite database (application id 99, Postern's "
                  "is 1349481332); give the path of Postern's own");
  }
  EXPECT_EQ(Content(), before);
}

TEST_F(OpenTest, RefusesWhatIsNoDatabaseAndLeavesItAsItIs) {
  for (const std::string content : {"", "short", "{\"some\": \"json\"}"}) {
    SCOPED_TRACE(content);
    Replace(content + std::string(content.empty() ? 0 : 4096, 'x'));
    const std::string before = Content();
    const std::string what = content.empty() ? "it is empty" : "file is not a database";
    for (const auto access : {Access::kRead, Access::kWrite}) {
      EXPECT_EQ(Opened(access), Damage(what));
    }
    EXPECT_EQ(Content(), before);
  }
}

TEST_F(OpenTest, RefusesDamagedPagesAndATruncatedFile) {
  {
    auto store = Write();
    auto snapshot = TcpSnapshot("top", Address("192.0.2.1"), States({{{22, 22}, kOpen}}));
    for (int i = 0; i < 200; ++i) Commit(*store, snapshot);
  }
  const std::string good = Content();
  std::string damaged = good;
  for (std::size_t page = 4096; page + 64 < damaged.size(); page += 4096) {
    std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(page), 64, '\xa5');
  }
  // One page that opening has no other reason to read.
  const auto page =
      std::stoll(Sql("SELECT rootpage FROM sqlite_schema WHERE name = 'port_intervals'").at(0));
  std::string one_page = good;
  std::fill_n(one_page.begin() + (page - 1) * 4096, 4096, '\xa5');
  for (const auto& bad :
       {damaged, one_page, good.substr(0, good.size() / 2), good.substr(0, 100)}) {
    Replace(bad);
    const std::string message = Opened(Access::kWrite);
    EXPECT_TRUE(message.starts_with(path_ + ": the file is damaged or not a database of Postern ("))
        << message;
    EXPECT_EQ(Content(), bad);
  }
  Replace(good);
  EXPECT_EQ(Opened(Access::kWrite), "ok");
}

TEST_F(OpenTest, RefusesALogWithoutItsDatabase) {
  std::ofstream(path_ + "-wal") << "left behind";
  EXPECT_EQ(Opened(Access::kWrite),
            path_ + ": the database is gone but its log " + path_ +
                "-wal is there; put the database back beside it, or remove the log to begin anew");
}

TEST_F(OpenTest, AHalfMadeDatabaseIsMadeAnew) {
  std::ofstream(path_ + ".new") << "interrupted";
  EXPECT_EQ(Opened(Access::kWrite), "ok");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(OpenTest, MarksRunsOfADeadWriterAsAborted) {
  Get(Write()->BeginRun(RunOf("top")));
  EXPECT_EQ(Sql("SELECT state FROM runs"), Strings{"running"});
  const auto store = Write();
  EXPECT_EQ(Sql("SELECT state FROM runs"), Strings{"aborted"});
}

TEST_F(OpenTest, AMigrationIsAllOrNothing) {
  Write();
  auto database = Get(Database::Open(path_, Database::Mode::kWrite));
  const std::vector<std::string_view> steps = {
      SchemaSteps()[0], "CREATE TABLE second (a);",
      "CREATE TABLE third (a); INSERT INTO second VALUES (1); CREATE TABLE runs (a);"};
  EXPECT_EQ(Message(Migrate(database, 1, steps)),
            path_ + ": the database refused (SQLite: table runs already exists)");
  EXPECT_EQ(Sql("PRAGMA user_version; SELECT count(*) FROM second; "
                "SELECT count(*) FROM sqlite_schema WHERE name = 'third'"),
            (Strings{"2", "0", "0"}));
}

}  // namespace
}  // namespace postern::storage

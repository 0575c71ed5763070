#include "storage/database_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "storage/file_owner.h"
#include "storage/schema.h"

namespace postern::storage {
namespace {

namespace fs = std::filesystem;

// The log is cut back to this size after a checkpoint: it can only stay larger while a reader does
// not let go of an old state.
constexpr const char* kWriterSettings =
    "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216";

Error SystemError(const std::string& path, const std::string& what, int error) {
  return Error{path + ": " + what + ": " + std::generic_category().message(error)};
}

Result<void> CreateEmpty(const std::string& path) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    if (unlink((path + suffix).c_str()) != 0 && errno != ENOENT) {
      return SystemError(path + suffix, "a half-made database cannot be removed", errno);
    }
  }
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (descriptor < 0) return SystemError(path, "the database cannot be created", errno);
  GiveToOwner(descriptor, FolderOf(path));
  close(descriptor);
  return {};
}

Result<void> SyncFolder(const std::string& file) {
  const std::string folder = fs::path(file).parent_path();
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(folder, "the folder cannot be opened", errno);
  const int synced = fsync(descriptor);
  close(descriptor);
  if (synced != 0) return SystemError(folder, "the folder cannot be written to disk", errno);
  return {};
}

// The file appears under its name only when it is whole, so that an empty file there is always one
// that lost its content, never one that was about to get it.
Result<void> Create(const std::string& path) {
  std::error_code ignored;
  if (fs::file_size(path + "-wal", ignored) > 0 && !ignored) {
    return Error{path + ": the database is gone but its log " + path +
                 "-wal is there; put the database back beside it, or remove the log to begin anew"};
  }
  const std::string unfinished = path + ".new";
  if (auto created = CreateEmpty(unfinished); !created) return created;
  {
    auto database = Database::Open(unfinished, Database::Mode::kWrite);
    if (!database) return database.error();
    // Only an empty database can be told; what retention frees is given back in small steps.
    if (auto set = database->Execute("PRAGMA auto_vacuum = INCREMENTAL"); !set) return set;
    if (auto made = Migrate(*database, 0, SchemaSteps()); !made) return made;
  }
  if (rename(unfinished.c_str(), path.c_str()) != 0) {
    return SystemError(path, "the new database cannot be put in place", errno);
  }
  return SyncFolder(path);
}

Result<bool> Exists(const std::string& path) {
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (error) return SystemError(path, "the database cannot be reached", error.value());
  return exists;
}

Result<Database> OpenExisting(const std::string& path, Database::Mode mode) {
  std::error_code unreadable;
  const bool empty = fs::file_size(path, unreadable) == 0;
  if (empty && !unreadable) return DamagedFile(path, "it is empty");
  return Database::Open(path, mode);
}

Result<void> UseLog(Database& database) {
  std::string journal;
  auto set =
      database.Each("PRAGMA journal_mode = WAL", {}, [&](Row& row) { journal = row.Text(); });
  if (!set) return set;
  if (journal != "wal") {
    return Error{database.path() +
                 ": its file system cannot hold a database with a write-ahead log; use a local "
                 "one"};
  }
  return database.Execute(kWriterSettings);
}

}  // namespace

Result<std::string> CanonicalPath(const std::string& path) {
  std::error_code error;
  const auto absolute = fs::weakly_canonical(fs::absolute(path, error), error);
  if (error) return SystemError(path, "the path of the database cannot be resolved", error.value());
  return absolute.string();
}

Result<Database> OpenToRead(const std::string& path) {
  const auto exists = Exists(path);
  if (!exists) return exists.error();
  if (!*exists) {
    return Error{path + ": there is no such database; posternd creates it when it first starts"};
  }
  auto database = OpenExisting(path, Database::Mode::kRead);
  if (!database) return database;
  const auto version = SchemaVersion(*database, SchemaSteps());
  if (!version) return version.error();
  if (*version < std::ssize(SchemaSteps())) {
    return Error{path + ": made by an older Postern (schema " + std::to_string(*version) +
                 ", this one reads " + std::to_string(SchemaSteps().size()) +
                 "): start posternd, which brings it up to date"};
  }
  return database;
}

Result<Database> OpenToWrite(const std::string& path) {
  const auto exists = Exists(path);
  if (!exists) return exists.error();
  if (!*exists) {
    if (auto created = Create(path); !created) return created.error();
  }
  auto database = OpenExisting(path, Database::Mode::kWrite);
  if (!database) return database;
  const auto version = SchemaVersion(*database, SchemaSteps());
  if (!version) return version.error();
  if (auto sound = database->CheckPages(); !sound) return sound.error();
  if (auto logged = UseLog(*database); !logged) return logged.error();
  if (auto migrated = Migrate(*database, *version, SchemaSteps()); !migrated) {
    return migrated.error();
  }
  return database;
}

}  // namespace postern::storage

#include "storage/database.h"

#include <sqlite3.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <system_error>

namespace postern::storage {
namespace {

// How long another program may hold the database before we give up: a backup copies a page at a
// time and never holds it longer than a moment.
constexpr int kBusyTimeoutMs = 5000;

std::string Advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "no space is left, nothing of this change was stored; free space on its file system";
    case SQLITE_IOERR:
      return "reading or writing failed, nothing of this change was stored; check the disk and its "
             "free space";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program has kept it locked for 5 s; end that program's transaction";
    case SQLITE_READONLY:
      return "it cannot be written here; check its owner and mode, and that its file system is not "
             "mounted read-only";
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "it cannot be opened; check that you may read it, its -wal and -shm files, and its "
             "folder";
    default:
      return "the database refused";
  }
}

// Of the last failed call on the write-ahead log.
int LogErrno(sqlite3* connection) {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(connection, nullptr, SQLITE_FCNTL_JOURNAL_POINTER, &log);
  int error = 0;
  if (log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error;
}

void BindOne(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    sqlite3_bind_int64(statement, index, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement, index, *real);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    sqlite3_bind_text64(statement, index, text->empty() ? "" : text->data(), text->size(),
                        SQLITE_STATIC, SQLITE_UTF8);
  } else if (const auto* bytes = std::get_if<std::span<const std::uint8_t>>(&value)) {
    sqlite3_bind_blob64(statement, index,
                        bytes->empty() ? "" : static_cast<const void*>(bytes->data()),
                        bytes->size(), SQLITE_STATIC);
  } else {
    sqlite3_bind_null(statement, index);
  }
}

}  // namespace

Value ToValue(TimePoint time) { return std::int64_t{time.time_since_epoch().count()}; }

Value ToValue(std::optional<TimePoint> time) {
  if (!time) return std::monostate{};
  return ToValue(*time);
}

Value ToValue(std::uint64_t count) { return static_cast<std::int64_t>(count); }

Value Flag(bool value) { return std::int64_t{value}; }

std::int64_t Row::Integer(std::int64_t low, std::int64_t high) {
  auto* const column = sqlite3_column_value(statement_, next_++);
  const std::int64_t value = sqlite3_value_int64(column);
  if (sqlite3_value_type(column) == SQLITE_INTEGER && low <= value && value <= high) return value;
  Refuse();
  return low <= 0 && 0 <= high ? 0 : low;
}

std::optional<std::int64_t> Row::OptionalInteger() {
  if (SkipNull()) return std::nullopt;
  return Integer();
}

std::uint64_t Row::Count() { return static_cast<std::uint64_t>(Integer()); }

double Row::Real() {
  const int column = next_++;
  if (sqlite3_column_type(statement_, column) != SQLITE_FLOAT) Refuse();
  return sqlite3_column_double(statement_, column);
}

std::string Row::Text() { return std::string(View()); }

std::string_view Row::View() {
  auto* const column = sqlite3_column_value(statement_, next_++);
  if (sqlite3_value_type(column) != SQLITE_TEXT) {
    Refuse();
    return {};
  }
  const auto* text = sqlite3_value_text(column);
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(column));
  return text == nullptr ? std::string_view()
                         : std::string_view(reinterpret_cast<const char*>(text), size);
}

std::span<const std::uint8_t> Row::Bytes() {
  const int column = next_++;
  if (sqlite3_column_type(statement_, column) != SQLITE_BLOB) {
    Refuse();
    return {};
  }
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::optional<std::string> Row::OptionalText() {
  if (SkipNull()) return std::nullopt;
  return Text();
}

std::optional<std::span<const std::uint8_t>> Row::OptionalBytes() {
  if (SkipNull()) return std::nullopt;
  return Bytes();
}

std::optional<TimePoint> Row::OptionalTime() {
  if (SkipNull()) return std::nullopt;
  return Time();
}

IpAddress Row::Address() {
  const auto address = IpAddress::FromBytes(Bytes());
  if (!address) Refuse();
  return address.value_or(IpAddress());
}

bool Row::SkipNull() {
  if (sqlite3_column_type(statement_, next_) != SQLITE_NULL) return false;
  ++next_;
  return true;
}

void Row::Refuse() {
  if (refused_.empty()) refused_ = sqlite3_column_name(statement_, next_ - 1);
}

Error DamagedFile(const std::string& path, const std::string& what) {
  return Error{path + ": the file is damaged or not a database of Postern (" + what +
               "); to restore it, stop the daemon, keep a copy of the file, remove " + path +
               "-wal and " + path + "-shm, and copy a backup over it"};
}

// A prepared statement in use; afterwards it is ready for the next.
class Database::Use {
 public:
  Use(sqlite3_stmt* statement, std::initializer_list<Value> values) : statement_(statement) {
    int index = 1;
    for (const auto& value : values) BindOne(statement_, index++, value);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  int Step() { return sqlite3_step(statement_); }

 private:
  sqlite3_stmt* statement_;
};

void Database::Closer::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

void Database::Finalizer::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<Database> Database::Open(const std::string& path, Mode mode) {
  Database database(path);
  const int access = mode == Mode::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &connection,
                                   access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  database.connection_.reset(connection);
  if (code != SQLITE_OK) return database.Failure();
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  // A log that stays in place lets those who may not write the folder read while no daemon runs.
  int keep_log = 1;
  sqlite3_file_control(connection, nullptr, SQLITE_FCNTL_PERSIST_WAL, &keep_log);
  // Temporary files of SQLite's own stay in memory: the daemon may have no other writable folder.
  if (auto set = database.Execute(
          "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
          "PRAGMA temp_store = MEMORY");
      !set) {
    return set.error();
  }
  return database;
}

Result<void> Database::Execute(const std::string& sql) {
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return Failure();
  }
  return {};
}

Result<void> Database::Run(std::string_view sql, std::initializer_list<Value> values) {
  return Each(sql, values, [](Row&) {});
}

Result<void> Database::Each(std::string_view sql, std::initializer_list<Value> values,
                            const std::function<void(Row&)>& visit) {
  const auto statement = Prepare(sql);
  if (!statement) return statement.error();
  Use use(*statement, values);
  int code = use.Step();
  for (; code == SQLITE_ROW; code = use.Step()) {
    Row row(*statement);
    visit(row);
    if (!row.refused_.empty()) {
      return Damaged("column '" + row.refused_ + "' holds what this version cannot read");
    }
    if (row.stopped_) return {};
  }
  if (code != SQLITE_DONE) return Failure();
  return {};
}

std::int64_t Database::changed_rows() const { return sqlite3_changes64(connection_.get()); }

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(connection_.get());
}

std::uint64_t Database::LogBytes() const {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(path_ + "-wal", none);
  return none ? 0 : bytes;
}

Result<bool> Database::Checkpoint() {
  bool whole = false;
  auto done = Each("PRAGMA wal_checkpoint(PASSIVE)", {}, [&](Row& row) {
    const bool busy = row.Bool();
    const std::int64_t frames = row.Integer();
    whole = !busy && frames == row.Integer();
  });
  if (!done) return done.error();
  return whole;
}

Result<void> Database::CheckPages() {
  std::string found;
  auto checked = Each("PRAGMA quick_check(1)", {}, [&](Row& row) { found = row.Text(); });
  if (!checked) return checked;
  if (found != "ok") return Damaged(found);
  return {};
}

Error Database::Damaged(const std::string& what) const { return DamagedFile(path_, what); }

Result<sqlite3_stmt*> Database::Prepare(std::string_view sql) {
  if (const auto known = statements_.find(sql); known != statements_.end()) {
    return known->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return Failure();
  }
  statements_.emplace(std::string(sql), statement);
  return statement;
}

Error Database::Failure() const {
  const int code = sqlite3_extended_errcode(connection_.get());
  const std::string message = sqlite3_errmsg(connection_.get());
  if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) return Damaged(message);
  const bool read_only = (code & 0xff) == SQLITE_IOERR && LogErrno(connection_.get()) == EROFS;
  return Error{path_ + ": " + Advice(read_only ? SQLITE_READONLY : code) + " (SQLite: " + message +
               ")"};
}

Result<Transaction> Transaction::BeginWrite(Database& database) {
  return Begin(database, "BEGIN IMMEDIATE");
}

Result<Transaction> Transaction::BeginRead(Database& database) { return Begin(database, "BEGIN"); }

Result<Transaction> Transaction::Begin(Database& database, std::string_view sql) {
  if (auto begun = database.Run(sql); !begun) return begun.error();
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite rolls back by itself after some errors.
  if (database_ == nullptr || sqlite3_get_autocommit(database_->connection_.get()) != 0) return;
  sqlite3_exec(database_->connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Transaction::Commit() { return database_->Run("COMMIT"); }

}  // namespace postern::storage

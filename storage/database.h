// A thin layer over one SQLite connection: prepared statements that are kept, values that are bound
// and never spliced into SQL, rows that are read with their errors collected, and Results that tell
// the operator what to do. Private to the store.
//
// Database owns the connection and its statements; whatever it hands to a visitor is valid during
// that call only. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/ip_address.h"
#include "core/result.h"
#include "core/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace postern::storage {

// What a parameter is bound to; monostate is NULL. Text and bytes must outlive the call.
using Value = std::variant<std::monostate, std::int64_t, double, std::string_view,
                           std::span<const std::uint8_t>>;

// Milliseconds since 1970.
Value ToValue(TimePoint time);
// NULL if none.
Value ToValue(std::optional<TimePoint> time);
// Counters of 64 bits keep their bits in SQLite's signed integers.
Value ToValue(std::uint64_t count);
// 0 or 1.
Value Flag(bool value);

// One row of an answer, read column by column from the left. A column that does not hold what is
// asked for is reported by Database::Each after the visit; until then it reads as the default.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}

  std::int64_t Integer(std::int64_t low = INT64_MIN, std::int64_t high = INT64_MAX);
  std::optional<std::int64_t> OptionalInteger();
  std::uint64_t Count();
  bool Bool() { return Integer(0, 1) != 0; }
  double Real();
  std::string Text();
  std::optional<std::string> OptionalText();
  // Valid until the visit ends.
  std::span<const std::uint8_t> Bytes();
  std::optional<std::span<const std::uint8_t>> OptionalBytes();
  TimePoint Time() { return TimePoint(Duration(Integer())); }
  std::optional<TimePoint> OptionalTime();
  IpAddress Address();
  // Text that `parse` makes a T of.
  template <typename T>
  T Parsed(std::optional<T> (*parse)(std::string_view)) {
    auto value = parse(View());
    if (!value) Refuse();
    return value ? *std::move(value) : T{};
  }
  template <typename T>
  std::optional<T> OptionalParsed(std::optional<T> (*parse)(std::string_view)) {
    if (SkipNull()) return std::nullopt;
    return Parsed(parse);
  }

  // The column read last does not hold what it should.
  void Refuse();
  // No further rows are wanted.
  void Stop() { stopped_ = true; }

 private:
  friend class Database;
  bool SkipNull();
  // Valid until the visit ends.
  std::string_view View();

  sqlite3_stmt* statement_;
  int next_ = 0;
  bool stopped_ = false;
  std::string refused_;  // the name of the first bad column
};

// The error for a file that cannot be trusted: what is wrong with it, and how to restore it.
Error DamagedFile(const std::string& path, const std::string& what);

class Database {
 public:
  enum class Mode : std::uint8_t { kRead, kWrite };

  // The file must exist; `path` is absolute.
  static Result<Database> Open(const std::string& path, Mode mode);

  // One or several statements without parameters.
  Result<void> Execute(const std::string& sql);
  // One statement.
  Result<void> Run(std::string_view sql, std::initializer_list<Value> values = {});
  // Visits every row of the answer.
  Result<void> Each(std::string_view sql, std::initializer_list<Value> values,
                    const std::function<void(Row&)>& visit);
  // How many rows the last statement changed.
  std::int64_t changed_rows() const;
  // The key of the row inserted last.
  std::int64_t last_insert_id() const;

  // Size of the write-ahead log.
  std::uint64_t LogBytes() const;
  // Copies from the log what no reader needs there. True if nothing is left to copy, so that the
  // next change starts the log anew.
  Result<bool> Checkpoint();

  // SQLite's own check of all pages; an error names the first damage.
  Result<void> CheckPages();
  const std::string& path() const { return path_; }
  Error Damaged(const std::string& what) const;

 private:
  friend class Transaction;
  struct Closer {
    void operator()(sqlite3* connection) const;
  };
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  class Use;

  explicit Database(std::string path) : path_(std::move(path)) {}
  Result<sqlite3_stmt*> Prepare(std::string_view sql);
  Error Failure() const;

  std::string path_;
  std::unique_ptr<sqlite3, Closer> connection_;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Finalizer>, std::less<>> statements_;
};

// All or nothing: what is not committed is rolled back on destruction.
class Transaction {
 public:
  // Waits for another program's transaction for as long as Database does, five seconds.
  static Result<Transaction> BeginWrite(Database& database);
  // All reads until the end see one state of the database.
  static Result<Transaction> BeginRead(Database& database);

  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Result<void> Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  static Result<Transaction> Begin(Database& database, std::string_view sql);

  Database* database_;
};

}  // namespace postern::storage

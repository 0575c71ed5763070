#include "storage/watches.h"

#include <cstdint>
#include <vector>

#include "storage/json.h"

namespace postern::storage {
namespace {

// Rows are further apart than kLongestGap; so many last two weeks of a daemon that never runs for
// longer than a moment, and for good where it does.
constexpr std::int64_t kMostWatches = 10'000;

// A clock that was set back must not leave watches in the future.
Result<void> CutFuture(Database& database, TimePoint now) {
  auto removed = database.Run("DELETE FROM watches WHERE since > ?", {ToValue(now)});
  if (!removed) return removed;
  return database.Run("UPDATE watches SET until = ?1 WHERE until > ?1", {ToValue(now)});
}

Result<void> Extend(Database& database, TimePoint now) {
  auto extended = database.Run(
      "UPDATE watches SET until = ?1 WHERE since = (SELECT max(since) FROM watches) "
      "AND until >= ?2",
      {ToValue(now), ToValue(now - kLongestGap)});
  if (!extended || database.changed_rows() > 0) return extended;
  auto begun = database.Run("INSERT INTO watches (since, until) VALUES (?1, ?1)", {ToValue(now)});
  if (!begun) return begun;
  return database.Run(
      "DELETE FROM watches WHERE since <= "
      "(SELECT since FROM watches ORDER BY since DESC LIMIT 1 OFFSET ?)",
      {kMostWatches});
}

Result<void> SaveScans(Database& database, const std::map<std::string, std::string>& scans,
                       TimePoint now) {
  std::vector<std::string> names;
  for (const auto& [name, terms] : scans) {
    auto saved = database.Run(
        "INSERT INTO watched_scans (scan, terms, since) VALUES (?, ?, ?) "
        "ON CONFLICT (scan) DO UPDATE SET terms = excluded.terms, since = excluded.since "
        "WHERE terms <> excluded.terms OR since > excluded.since",
        {name, terms, ToValue(now)});
    if (!saved) return saved;
    names.push_back(name);
  }
  return database.Run(
      "DELETE FROM watched_scans WHERE scan NOT IN (SELECT value FROM json_each(?))",
      {ToJson(names)});
}

Result<Watching> Load(Database& database) {
  Watching watching;
  auto periods =
      database.Each("SELECT since, until FROM watches ORDER BY since", {}, [&](Row& row) {
        const auto begin = row.Time();
        watching.watches.push_back({begin, row.Time()});
      });
  if (!periods) return periods.error();
  auto scans = database.Each("SELECT scan, since FROM watched_scans", {}, [&](Row& row) {
    auto& since = watching.scans_since[row.Text()];
    since = row.Time();
  });
  if (!scans) return scans.error();
  return watching;
}

}  // namespace

Result<Watching> SaveWatch(Database& database, const std::map<std::string, std::string>& scans,
                           TimePoint now) {
  if (auto cut = CutFuture(database, now); !cut) return cut.error();
  if (auto extended = Extend(database, now); !extended) return extended.error();
  if (auto saved = SaveScans(database, scans, now); !saved) return saved.error();
  return Load(database);
}

}  // namespace postern::storage

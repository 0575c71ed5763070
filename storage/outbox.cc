#include "storage/outbox.h"

#include <array>
#include <climits>
#include <optional>
#include <string_view>

namespace postern::storage {
namespace {

std::optional<TransitionKind> ParseTransitionKind(std::string_view text) {
  constexpr std::array kAll = {TransitionKind::kOpened, TransitionKind::kChanged,
                               TransitionKind::kResolved};
  for (const auto kind : kAll) {
    if (ToString(kind) == text) return kind;
  }
  return std::nullopt;
}

OutboxRow ReadRow(Row& row) {
  OutboxRow queued;
  queued.id = row.Integer();
  queued.receiver = row.Text();
  queued.transition.finding_id = row.Text();
  queued.transition.episode = static_cast<int>(row.Integer(INT_MIN, INT_MAX));
  queued.transition.kind = row.Parsed(ParseTransitionKind);
  queued.transition.at = row.Time();
  queued.created = row.Time();
  queued.delivered = row.OptionalTime();
  queued.refused = row.OptionalTime();
  queued.refusal = row.Text();
  queued.held = row.Text();
  queued.released = row.OptionalTime();
  return queued;
}

constexpr std::string_view kColumns =
    "SELECT id, receiver, finding, episode, kind, at, created, delivered, refused, refusal, "
    "ifnull(held, ''), released FROM outbox ";

Result<std::vector<OutboxRow>> LoadRows(Database& database, std::string_view condition,
                                        std::initializer_list<Value> values) {
  std::vector<OutboxRow> rows;
  auto read = database.Each(std::string(kColumns) + std::string(condition) + " ORDER BY id", values,
                            [&](Row& row) { rows.push_back(ReadRow(row)); });
  if (!read) return read.error();
  return rows;
}

// After an update of one row by its id.
Result<void> ExpectChange(const Database& database, const std::string& receiver, std::int64_t row) {
  if (database.changed_rows() == 1) return {};
  return Error{"outbox row " + std::to_string(row) + " of receiver '" + receiver +
               "' does not exist"};
}

}  // namespace

Result<void> Enqueue(Database& database, const std::string& receiver, const Transition& transition,
                     TimePoint now) {
  return database.Run(
      "INSERT INTO outbox (receiver, finding, episode, kind, at, created) VALUES (?, ?, ?, ?, ?, "
      "?) "
      "ON CONFLICT (receiver, finding, episode, kind, at) DO NOTHING",
      {receiver, transition.finding_id, transition.episode, ToString(transition.kind),
       ToValue(transition.at), ToValue(now)});
}

Result<std::vector<OutboxRow>> LoadOutbox(Database& database, const std::string& receiver,
                                          TimePoint delivered_since) {
  return LoadRows(
      database, "WHERE receiver = ? AND refused IS NULL AND (delivered IS NULL OR delivered >= ?)",
      {receiver, ToValue(delivered_since)});
}

Result<bool> HasRowOf(Database& database, const std::string& receiver,
                      const std::string& finding_id, int episode) {
  bool has = false;
  auto read = database.Each(
      "SELECT 1 FROM outbox WHERE receiver = ? AND finding = ? AND episode = ? LIMIT 1",
      {receiver, finding_id, episode}, [&](Row& /*row*/) { has = true; });
  if (!read) return read.error();
  return has;
}

Result<OutboxCount> CountRows(Database& database, const std::string& receiver) {
  OutboxCount count;
  auto read = database.Each(
      "SELECT count(*) - count(refused) - count(is_held), "
      "min(CASE WHEN refused IS NULL AND is_held IS NULL THEN coalesce(released, at) END), "
      "count(refused), count(is_held) FROM (SELECT at, refused, released, CASE WHEN refused IS "
      "NULL "
      "AND held IS NOT NULL AND released IS NULL THEN 1 END AS is_held "
      "FROM outbox WHERE receiver = ? AND delivered IS NULL)",
      {receiver}, [&](Row& row) {
        count.waiting = static_cast<std::size_t>(row.Integer());
        count.oldest = row.OptionalTime();
        count.dead_letters = static_cast<std::size_t>(row.Integer());
        count.held = static_cast<std::size_t>(row.Integer());
      });
  if (!read) return read.error();
  return count;
}

Result<void> MarkDelivered(Database& database, const std::string& receiver, std::int64_t row,
                           TimePoint at) {
  auto marked = database.Run(
      "UPDATE outbox SET delivered = coalesce(delivered, ?) WHERE id = ? AND receiver = ?",
      {ToValue(at), row, receiver});
  if (!marked) return marked;
  return ExpectChange(database, receiver, row);
}

Result<void> MarkRefused(Database& database, const std::string& receiver, std::int64_t row,
                         TimePoint at, const std::string& why) {
  auto marked =
      database.Run("UPDATE outbox SET refused = ?, refusal = ? WHERE id = ? AND receiver = ?",
                   {ToValue(at), why, row, receiver});
  if (!marked) return marked;
  return ExpectChange(database, receiver, row);
}

Result<std::vector<OutboxRow>> LoadDeadLetters(Database& database) {
  return LoadRows(database, "WHERE refused IS NOT NULL", {});
}

Result<std::int64_t> QueueAgain(Database& database, const std::string& receiver) {
  auto queued = database.Run(
      "UPDATE outbox SET refused = NULL, refusal = '' "
      "WHERE refused IS NOT NULL AND (?1 = '' OR receiver = ?1)",
      {receiver});
  if (!queued) return queued.error();
  return database.changed_rows();
}

Result<std::map<std::string, std::string>> LoadMemory(Database& database,
                                                      const std::string& receiver) {
  std::map<std::string, std::string> memory;
  auto read = database.Each("SELECT key, value FROM receiver_memory WHERE receiver = ?", {receiver},
                            [&](Row& row) {
                              const std::string key = row.Text();
                              memory[key] = row.Text();
                            });
  if (!read) return read.error();
  return memory;
}

Result<void> ReplaceMemory(Database& database, const std::string& receiver,
                           const std::map<std::string, std::string>& memory) {
  auto cleared = database.Run("DELETE FROM receiver_memory WHERE receiver = ?", {receiver});
  if (!cleared) return cleared;
  for (const auto& [key, value] : memory) {
    auto stored =
        database.Run("INSERT INTO receiver_memory (receiver, key, value) VALUES (?, ?, ?)",
                     {receiver, key, value});
    if (!stored) return stored;
  }
  return {};
}

}  // namespace postern::storage

#include "storage/retention.h"

#include <initializer_list>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace postern::storage {
namespace {

// Rows that one statement of a step removes at most: a few milliseconds of a write transaction.
constexpr std::int64_t kRowsPerStep = 500;
// Pages given back to the file system after a step: 4 MiB.
constexpr const char* kGiveBack = "PRAGMA incremental_vacuum(1024)";

// Adds to one step what is to go, and knows whether any part of it was cut short.
class Step {
 public:
  explicit Step(Database& database) : database_(database) {}

  // `sql` takes `values` and then the number of rows.
  Result<void> Remove(std::string_view sql, std::initializer_list<Value> values) {
    if (auto removed = database_.Run(sql, values); !removed) return removed;
    more_ |= database_.changed_rows() == kRowsPerStep;
    removed_ += database_.changed_rows();
    return {};
  }
  bool more() const { return more_; }
  bool empty() const { return removed_ == 0; }

 private:
  Database& database_;
  bool more_ = false;
  std::int64_t removed_ = 0;
};

// Ids ascend with time, so that only the oldest need a look. The newest committed run of a scan
// stays: the schedule goes on from it.
Result<void> RemoveRuns(Step& step, TimePoint before) {
  return step.Remove(
      "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE id < ("
      "SELECT coalesce((SELECT id FROM runs WHERE started >= ?1 AND state = 'committed' "
      "ORDER BY id LIMIT 1), 9223372036854775807)) AND started < ?1 AND state <> 'running' "
      "AND EXISTS (SELECT 1 FROM runs AS later WHERE later.scan = runs.scan "
      "AND later.id > runs.id AND later.state = 'committed') ORDER BY id LIMIT ?2)",
      {ToValue(before), kRowsPerStep});
}

// Removes the absences of addresses that no run asks any more.
Result<void> RemoveAbsences(Step& step, TimePoint before) {
  return step.Remove(
      "DELETE FROM absences WHERE address IN (SELECT address FROM absences WHERE last < ?1 LIMIT "
      "?2)",
      {ToValue(before), kRowsPerStep});
}

struct Series {
  std::int64_t id = 0;
  std::int64_t oldest_run = 0;
};

// What ended before the oldest run that is kept of its scan can no longer be asked for.
Result<std::vector<Series>> OldestRuns(Database& database) {
  std::vector<Series> series;
  auto read = database.Each(
      "SELECT s.id, coalesce((SELECT min(id) FROM runs WHERE scan = s.scan), 0) FROM series AS s "
      "WHERE s.kind <> 'last_known'",
      {}, [&](Row& row) {
        const std::int64_t id = row.Integer();
        series.push_back({id, row.Integer()});
      });
  if (!read) return read.error();
  return series;
}

Result<void> RemoveIntervals(Database& database, Step& step) {
  const auto all = OldestRuns(database);
  if (!all) return all.error();
  for (const auto& [series, oldest] : *all) {
    for (const auto* sql :
         {"DELETE FROM host_intervals WHERE (series, address, protocol, from_run) IN ("
          "SELECT series, address, protocol, from_run FROM host_intervals "
          "WHERE series = ? AND to_run <= ? LIMIT ?)",
          "DELETE FROM port_intervals WHERE (series, address, protocol, from_run, first_port) IN ("
          "SELECT series, address, protocol, from_run, first_port FROM port_intervals "
          "WHERE series = ? AND to_run <= ? LIMIT ?)"}) {
      if (auto removed = step.Remove(sql, {series, oldest, kRowsPerStep}); !removed) return removed;
    }
  }
  return {};
}

// Plans that no run follows any more, and the sets that no plan and no interval names.
Result<void> RemovePlans(Step& step) {
  for (const auto* sql :
       {"DELETE FROM plan_parts WHERE plan IN (SELECT id FROM plans WHERE NOT EXISTS ("
        "SELECT 1 FROM runs WHERE plan = plans.id) LIMIT ?)",
        "DELETE FROM plans WHERE id IN (SELECT id FROM plans WHERE NOT EXISTS ("
        "SELECT 1 FROM runs WHERE plan = plans.id) AND NOT EXISTS ("
        "SELECT 1 FROM plan_parts WHERE plan = plans.id) LIMIT ?)",
        "DELETE FROM address_sets WHERE id IN (SELECT id FROM address_sets WHERE NOT EXISTS ("
        "SELECT 1 FROM plan_parts WHERE address_set = address_sets.id) LIMIT ?)",
        "DELETE FROM port_sets WHERE id IN (SELECT id FROM port_sets WHERE NOT EXISTS ("
        "SELECT 1 FROM plan_parts WHERE port_set = port_sets.id) AND NOT EXISTS ("
        "SELECT 1 FROM host_intervals WHERE ports = port_sets.id) LIMIT ?)"}) {
    if (auto removed = step.Remove(sql, {kRowsPerStep}); !removed) return removed;
  }
  return {};
}

// While a finding is not over, its rows tell which receivers are to hear of its end.
constexpr std::string_view kIsOver =
    " AND NOT EXISTS (SELECT 1 FROM findings AS f WHERE f.id = outbox.finding "
    "AND f.episode = outbox.episode AND f.state <> 'resolved') LIMIT ?)";

Result<void> RemoveDelivered(Step& step, TimePoint before) {
  return step.Remove(
      std::string("DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE delivered < ?")
          .append(kIsOver),
      {ToValue(before), kRowsPerStep});
}

// Dead letters last as long as findings do after their end.
Result<void> RemoveRefused(Step& step, TimePoint before) {
  return step.Remove(
      std::string("DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE refused < ?")
          .append(kIsOver),
      {ToValue(before), kRowsPerStep});
}

Result<std::vector<std::string>> ReceiversNotIn(Database& database,
                                                const std::set<std::string>& in_force) {
  std::vector<std::string> left;
  auto read = database.Each(
      "WITH RECURSIVE known(name) AS (SELECT min(receiver) FROM outbox UNION ALL "
      "SELECT (SELECT min(receiver) FROM outbox WHERE receiver > name) FROM known "
      "WHERE name IS NOT NULL) SELECT name FROM known WHERE name IS NOT NULL "
      "UNION SELECT receiver FROM receiver_memory",
      {}, [&](Row& row) {
        auto name = row.Text();
        if (!in_force.contains(name)) left.push_back(std::move(name));
      });
  if (!read) return read.error();
  return left;
}

// Of receivers that left the configuration, and did not come back in all that time.
Result<void> RemoveLeft(Database& database, Step& step, const Expiry& expiry) {
  if (!expiry.receivers) return {};
  const auto left = ReceiversNotIn(database, *expiry.receivers);
  if (!left) return left.error();
  for (const auto& receiver : *left) {
    auto removed = step.Remove(
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE receiver = ? "
        "AND delivered IS NULL AND created < ? LIMIT ?)",
        {receiver, ToValue(expiry.findings), kRowsPerStep});
    if (!removed) return removed;
    removed = step.Remove(
        "DELETE FROM receiver_memory WHERE (receiver, key) IN (SELECT receiver, key "
        "FROM receiver_memory WHERE receiver = ?1 "
        "AND NOT EXISTS (SELECT 1 FROM outbox WHERE receiver = ?1) LIMIT ?2)",
        {receiver, kRowsPerStep});
    if (!removed) return removed;
  }
  return {};
}

// One that a receiver is still to be told of stays.
Result<void> RemoveFindings(Step& step, TimePoint before) {
  return step.Remove(
      "DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE state = 'resolved' "
      "AND resolved < ? AND NOT EXISTS (SELECT 1 FROM outbox WHERE finding = findings.id) LIMIT ?)",
      {ToValue(before), kRowsPerStep});
}

// That of a finding which is not over stays, however old.
Result<void> RemoveEvidence(Step& step, TimePoint before) {
  return step.Remove(
      "DELETE FROM evidence WHERE id IN (SELECT id FROM evidence WHERE made < ? AND NOT EXISTS ("
      "SELECT 1 FROM findings AS f WHERE f.id = evidence.finding "
      "AND f.episode = evidence.episode AND f.state <> 'resolved') LIMIT ?)",
      {ToValue(before), kRowsPerStep});
}

// Of names that the policy has no more, or that fail for good. The others are kept short when they
// answer (storage/names.h).
Result<void> RemoveNames(Step& step, TimePoint before) {
  return step.Remove(
      "DELETE FROM name_addresses WHERE (name, address) IN (SELECT name, address "
      "FROM name_addresses WHERE name IN (SELECT name FROM name_addresses GROUP BY name "
      "HAVING max(last_seen) < ?) LIMIT ?)",
      {ToValue(before), kRowsPerStep});
}

Result<std::int64_t> PacketBytes(Database& database) {
  std::int64_t bytes = 0;
  auto read = database.Each("SELECT coalesce(sum(length(pcap)), 0) FROM evidence", {},
                            [&](Row& row) { bytes = row.Integer(); });
  if (!read) return read.error();
  return bytes;
}

// The oldest evidence loses its packets first; all else of it stays.
Result<void> RemovePackets(Database& database, Step& step, std::int64_t most) {
  const auto bytes = PacketBytes(database);
  if (!bytes) return bytes.error();
  if (*bytes <= most) return {};
  return step.Remove(
      "UPDATE evidence SET pcap = x'', metadata = json_set(metadata, '$.packets', "
      "'removed: all packets together exceeded their limit') "
      "WHERE id IN (SELECT id FROM (SELECT id, sum(length(pcap)) OVER (ORDER BY id) "
      "- length(pcap) AS older FROM evidence WHERE length(pcap) > 0) WHERE older < ? LIMIT ?)",
      {*bytes - most, kRowsPerStep});
}

Result<void> RemoveAll(Database& database, Step& step, const Expiry& expiry) {
  if (auto removed = RemoveRuns(step, expiry.runs); !removed) return removed;
  if (!step.empty()) {
    if (auto removed = RemovePlans(step); !removed) return removed;
  }
  if (auto removed = RemoveIntervals(database, step); !removed) return removed;
  if (auto removed = RemoveDelivered(step, expiry.delivered); !removed) return removed;
  if (auto removed = RemoveRefused(step, expiry.findings); !removed) return removed;
  if (auto removed = RemoveLeft(database, step, expiry); !removed) return removed;
  if (auto removed = RemoveEvidence(step, expiry.evidence); !removed) return removed;
  if (auto removed = RemovePackets(database, step, expiry.packet_bytes); !removed) return removed;
  if (auto removed = RemoveAbsences(step, expiry.runs); !removed) return removed;
  if (auto removed = RemoveNames(step, expiry.names); !removed) return removed;
  return RemoveFindings(step, expiry.findings);
}

}  // namespace

Result<bool> RemoveStep(Database& database, const Expiry& expiry) {
  Step step(database);
  {
    auto transaction = Transaction::BeginWrite(database);
    if (!transaction) return transaction.error();
    if (auto removed = RemoveAll(database, step, expiry); !removed) return removed.error();
    if (auto committed = transaction->Commit(); !committed) return committed.error();
  }
  if (!step.empty()) {
    if (auto given = database.Execute(kGiveBack); !given) return given.error();
  }
  return step.more();
}

}  // namespace postern::storage

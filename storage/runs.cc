#include "storage/runs.h"

#include <utility>

#include "storage/json.h"

namespace postern::storage {
namespace {

// A hundred years; only a damaged database says more.
constexpr std::uint64_t kLongestBound = 100ULL * 366 * 24 * 3600 * 1000;

Error NotRunning(std::int64_t run) {
  return Error{"run " + std::to_string(run) +
               " is not running: it was never begun, or it is already committed or aborted"};
}

// Intervals hold from one run to a later one, so the runs of a scan are committed in their order.
Result<void> CheckOrder(Database& database, const RunInfo& run) {
  std::int64_t newest = 0;
  auto read = database.Each(
      "SELECT id FROM runs WHERE scan = ? AND state = 'committed' ORDER BY id DESC LIMIT 1",
      {run.scan}, [&](Row& row) { newest = row.Integer(); });
  if (!read) return read;
  if (newest < run.id) return {};
  return Error{"run " + std::to_string(run.id) + " of scan '" + run.scan +
               "' comes too late: its later run " + std::to_string(newest) +
               " is already committed"};
}

RunInfo ReadInfo(Row& row) {
  RunInfo run;
  run.id = row.Integer();
  run.scan = row.Text();
  run.stage = row.Parsed(ParseStage);
  run.viewpoint = row.Text();
  run.policy_hash = row.Text();
  run.program_version = row.Text();
  run.seed = row.Count();
  run.started = row.Time();
  run.finished = row.Time();
  return run;
}

std::string BoundTimesJson(const BoundTimes& times) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [bound, time] : times) {
    counts.emplace(ToString(bound), static_cast<std::uint64_t>(time.count()));
  }
  return ToJson(counts);
}

std::optional<BoundTimes> ParseBoundTimes(std::string_view json) {
  const auto counts = ParseCountMap(json);
  if (!counts) return std::nullopt;
  BoundTimes times;
  for (const auto& [name, milliseconds] : *counts) {
    const auto bound = ParseScanBound(name);
    if (!bound || milliseconds > kLongestBound) return std::nullopt;
    times.emplace(*bound, Duration(static_cast<Duration::rep>(milliseconds)));
  }
  return times;
}

Coverage ReadCoverage(Row& row) {
  Coverage coverage;
  coverage.asked = row.Count();
  coverage.unknown = row.Count();
  coverage.probes_sent = row.Count();
  coverage.replies = row.Count();
  coverage.retransmits = row.Count();
  coverage.capture_drops = row.Count();
  coverage.send_errors = row.Parsed(ParseCountMap);
  coverage.estimated_loss = row.Real();
  coverage.complete = row.Bool();
  for (bool& blind : coverage.blind) blind = row.Bool();
  coverage.unresolved = row.Parsed(ParseTextList);
  coverage.udp_probes_sent = row.Count();
  coverage.udp_replies = row.Count();
  coverage.miss_probability = row.Real();
  coverage.held_back = row.Parsed(ParseBoundTimes);
  coverage.slow_hosts = row.Parsed(ParseAddresses);
  return coverage;
}

}  // namespace

Result<std::int64_t> InsertRun(Database& database, const RunInfo& run) {
  auto inserted = database.Run(
      "INSERT INTO runs (scan, stage, viewpoint, policy_hash, program_version, seed, started, "
      "finished, continues, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running')",
      {run.scan, ToString(run.stage), run.viewpoint, run.policy_hash, run.program_version,
       ToValue(run.seed), ToValue(run.started), ToValue(run.finished), run.continues});
  if (!inserted) return inserted.error();
  return database.last_insert_id();
}

Result<void> MarkCommitted(Database& database, const Snapshot& snapshot, std::int64_t plan) {
  const auto& run = snapshot.run;
  const auto& coverage = snapshot.coverage;
  if (auto ordered = CheckOrder(database, run); !ordered) return ordered;
  auto updated = database.Run(
      "UPDATE runs SET stage = ?, viewpoint = ?, policy_hash = ?, program_version = ?, seed = ?, "
      "started = ?, finished = ?, state = 'committed', plan = ?, asked = ?, unknown = ?, "
      "probes_sent = ?, replies = ?, retransmits = ?, capture_drops = ?, send_errors = ?, "
      "estimated_loss = ?, complete = ?, blind_ipv4 = ?, blind_ipv6 = ?, unresolved = ?, "
      "udp_probes_sent = ?, udp_replies = ?, miss_probability = ?, held_back = ?, slow_hosts = ? "
      "WHERE id = ? AND scan = ? AND state = 'running'",
      {ToString(run.stage),
       run.viewpoint,
       run.policy_hash,
       run.program_version,
       ToValue(run.seed),
       ToValue(run.started),
       ToValue(run.finished),
       plan,
       ToValue(coverage.asked),
       ToValue(coverage.unknown),
       ToValue(coverage.probes_sent),
       ToValue(coverage.replies),
       ToValue(coverage.retransmits),
       ToValue(coverage.capture_drops),
       ToJson(coverage.send_errors),
       coverage.estimated_loss,
       Flag(coverage.complete),
       Flag(!coverage.Trusted(Family::kIpv4)),
       Flag(!coverage.Trusted(Family::kIpv6)),
       ToJson(coverage.unresolved),
       ToValue(coverage.udp_probes_sent),
       ToValue(coverage.udp_replies),
       coverage.miss_probability,
       BoundTimesJson(coverage.held_back),
       ToJson(coverage.slow_hosts),
       run.id,
       run.scan});
  if (!updated) return updated;
  if (database.changed_rows() != 1) return NotRunning(run.id);
  return {};
}

Result<void> MarkAborted(Database& database, std::int64_t run) {
  auto updated =
      database.Run("UPDATE runs SET state = 'aborted' WHERE id = ? AND state = 'running'", {run});
  if (!updated) return updated;
  if (database.changed_rows() != 1) return NotRunning(run);
  return {};
}

Result<void> MarkAllAborted(Database& database) {
  return database.Run("UPDATE runs SET state = 'aborted' WHERE state = 'running'");
}

Result<std::vector<RunSummary>> LoadRuns(Database& database, std::int64_t before,
                                         std::int64_t most) {
  std::vector<RunSummary> runs;
  auto read = database.Each(
      "SELECT id, scan, stage, viewpoint, policy_hash, program_version, seed, started, finished, "
      "asked, unknown, probes_sent, replies, retransmits, capture_drops, send_errors, "
      "estimated_loss, complete, blind_ipv4, blind_ipv6, unresolved, udp_probes_sent, udp_replies, "
      "miss_probability, held_back, slow_hosts, continues "
      "FROM runs WHERE id < ? AND state = 'committed' ORDER BY id DESC LIMIT ?",
      {before, most}, [&](Row& row) {
        auto info = ReadInfo(row);
        auto coverage = ReadCoverage(row);
        info.continues = row.Integer();
        runs.push_back({std::move(info), std::move(coverage)});
      });
  if (!read) return read.error();
  return runs;
}

Result<std::optional<StoredRun>> LoadRun(Database& database, std::int64_t run) {
  std::optional<StoredRun> stored;
  auto read = database.Each(
      "SELECT id, scan, stage, viewpoint, policy_hash, program_version, seed, started, finished, "
      "asked, unknown, probes_sent, replies, retransmits, capture_drops, send_errors, "
      "estimated_loss, complete, blind_ipv4, blind_ipv6, unresolved, udp_probes_sent, udp_replies, "
      "miss_probability, held_back, slow_hosts, continues, plan "
      "FROM runs WHERE id = ? AND state = 'committed'",
      {run}, [&](Row& row) {
        stored.emplace();
        stored->info = ReadInfo(row);
        stored->coverage = ReadCoverage(row);
        stored->info.continues = row.Integer();
        stored->plan = row.Integer();
      });
  if (!read) return read.error();
  return stored;
}

Result<std::optional<std::string>> LoadViewpoint(Database& database) {
  std::optional<std::string> viewpoint;
  auto read =
      database.Each("SELECT viewpoint FROM runs WHERE stage != 'import' ORDER BY id DESC LIMIT 1",
                    {}, [&](Row& row) { viewpoint = row.Text(); });
  if (!read) return read.error();
  return viewpoint;
}

Result<ScanHistory> LoadHistory(Database& database, const std::string& scan) {
  ScanHistory history;
  auto read = database.Each(
      "SELECT count(*), "
      "(SELECT started FROM runs WHERE scan = ?1 AND continues = 0 ORDER BY id DESC LIMIT 1), "
      "(SELECT finished FROM runs WHERE scan = ?1 AND continues = 0 AND state = 'committed' "
      "AND complete = 1 ORDER BY id DESC LIMIT 1) FROM runs WHERE scan = ?1 AND continues = 0",
      {scan}, [&](Row& row) {
        history.runs = row.Count();
        history.last_started = row.OptionalTime();
        history.last_success = row.OptionalTime();
      });
  if (!read) return read.error();
  return history;
}

Result<std::optional<SweepCursor>> LoadCursor(Database& database, const std::string& scan) {
  std::optional<SweepCursor> cursor;
  auto read =
      database.Each("SELECT ports, position, round_started FROM sweep_cursors WHERE scan = ?",
                    {scan}, [&](Row& row) {
                      cursor.emplace();
                      cursor->ports = row.Text();
                      cursor->position = row.Count();
                      cursor->round_started = row.Time();
                    });
  if (!read) return read.error();
  return cursor;
}

Result<void> SaveCursor(Database& database, const std::string& scan, const SweepCursor& cursor) {
  return database.Run(
      "INSERT INTO sweep_cursors (scan, ports, position, round_started) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (scan) DO UPDATE SET ports = excluded.ports, position = excluded.position, "
      "round_started = excluded.round_started",
      {scan, cursor.ports, ToValue(cursor.position), ToValue(cursor.round_started)});
}

}  // namespace postern::storage

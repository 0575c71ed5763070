#include "storage/unseen.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "storage/plans.h"

namespace postern::storage {
namespace {

// Of ports that stay unknown so many ranges are kept: how they lie is up to who is scanned.
constexpr std::size_t kMaxRanges = 256;

struct Record {
  Unseen what;
  std::optional<TimePoint> seen;
  TimePoint asked;
};
using Records = std::map<std::string, Record>;  // by subject

struct RunStart {
  std::int64_t id = 0;
  TimePoint started;
};

// The `back`-th newest run of the scan up to `newest` of which it is known what it saw.
Result<std::optional<RunStart>> FindRun(Database& database, const std::string& scan,
                                        std::int64_t newest, std::uint64_t back) {
  std::optional<RunStart> run;
  auto read = database.Each(
      "SELECT id, started FROM runs WHERE scan = ? AND id <= ? AND state = 'committed' "
      "AND continues = 0 AND (unseen_kept = 1 OR (complete = 1 AND blind_ipv4 = 0 AND blind_ipv6 = "
      "0)) "
      "ORDER BY id DESC LIMIT 1 OFFSET ?",
      {scan, newest, ToValue(back - 1)}, [&](Row& row) {
        run.emplace();
        run->id = row.Integer();
        run->started = row.Time();
      });
  if (!read) return read.error();
  return run;
}

std::optional<Family> FamilyOf(const std::string& subject) {
  if (const auto family = ParseFamily(subject)) return family;
  const auto address = IpAddress::Parse(subject);
  return address ? std::optional(address->family()) : std::nullopt;
}

Result<Records> LoadRecords(Database& database, const std::string& scan, std::uint64_t part) {
  Records rows;
  auto read = database.Each(
      "SELECT subject, host, ports, seen, asked FROM unseen WHERE scan = ? AND part = ?",
      {scan, ToValue(part)}, [&](Row& row) {
        Record one;
        one.what.subject = row.Text();
        one.what.host = row.Text();
        one.what.ports = row.Parsed(ParsePortSet);
        one.seen = row.OptionalTime();
        one.asked = row.Time();
        rows.emplace(one.what.subject, std::move(one));
      });
  if (!read) return read.error();
  return rows;
}

Result<bool> HasRows(Database& database, const std::string& scan) {
  bool has = false;
  auto read = database.Each("SELECT 1 FROM unseen WHERE scan = ? LIMIT 1", {scan},
                            [&](Row& /*row*/) { has = true; });
  if (!read) return read.error();
  return has;
}

// Whether an earlier run of the scan, or of any scan where it is a name, looked at the subject.
Result<bool> WasAsked(Database& database, const RunInfo& run, const std::string& subject) {
  if (ParseFamily(subject)) return true;
  bool found = false;
  const auto note = [&](Row& row) { found = row.Integer() != 0; };
  const auto address = IpAddress::Parse(subject);
  auto read = address ? database.Each(
                            "SELECT count(*) FROM (SELECT 1 FROM host_intervals WHERE address = ? "
                            "AND from_run < ? AND series IN (SELECT id FROM series WHERE "
                            "kind = 'scan' AND scan = ?) LIMIT 1)",
                            {address->bytes(), run.id, run.scan}, note)
                      : database.Each(
                            "SELECT count(*) FROM (SELECT 1 FROM name_addresses WHERE name = ? "
                            "LIMIT 1)",
                            {subject}, note);
  if (!read) return read.error();
  return found;
}

// Since when an address is unseen that had no row: since its family or its name was.
const Record* InheritedFrom(const Records& before, const Unseen& what) {
  const auto family = FamilyOf(what.subject);
  for (const auto& [subject, row] : before) {
    const bool of_family = family && ParseFamily(subject) == family;
    const bool of_name = !FamilyOf(subject) && row.what.host == what.host;
    if (of_family || of_name) return &row;
  }
  return nullptr;
}

// What is unseen since an earlier run, or begins to be with this one.
Result<Record> Continued(Database& database, const RunInfo& run, const Records& before,
                         const std::optional<RunStart>& previous, const Unseen& what) {
  const auto known = before.find(what.subject);
  Record row{what, std::nullopt, run.started};
  row.what.ports = what.ports.FirstRanges(kMaxRanges);
  if (known != before.end()) {
    const auto& old = known->second;
    const auto common = old.what.ports.Intersection(row.what.ports);
    const bool whole = old.what.ports.empty() || what.ports.empty();
    if (whole || !common.empty()) {
      row.seen = old.seen;
      row.asked = old.asked;
      if (!whole) row.what.ports = common;
      return row;
    }
  } else if (const auto* inherited = InheritedFrom(before, what)) {
    row.seen = inherited->seen;
    row.asked = inherited->asked;
    return row;
  }
  const auto asked = WasAsked(database, run, what.subject);
  if (!asked) return asked.error();
  if (*asked && previous) row.seen = previous->started;
  return row;
}

Result<void> SaveRecord(Database& database, const RunInfo& run, std::uint64_t part,
                        const Record& row) {
  return database.Run(
      "REPLACE INTO unseen (scan, part, subject, host, ports, seen, asked, run) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      {run.scan, ToValue(part), row.what.subject, row.what.host, row.what.ports.ToString(),
       ToValue(row.seen), ToValue(row.asked), run.id});
}

// Rows that this run did not confirm, and those of parts that are asked no more.
Result<void> RemoveOld(Database& database, const RunInfo& run, const UnseenInRun& unseen) {
  const auto round = FindRun(database, run.scan, run.id, unseen.runs_per_round);
  if (!round) return round.error();
  return database.Run(
      "DELETE FROM unseen WHERE scan = ? AND ((part = ? AND run < ?) OR run < ?)",
      {run.scan, ToValue(unseen.part), run.id, *round ? (*round)->id : std::int64_t{0}});
}

// Takes from the rows of an address what a continuation saw of it, whatever part asked it.
Result<void> TakeSeen(Database& database, const std::string& scan, const Unseen& seen) {
  std::map<std::uint64_t, PortSet> left;
  auto read = database.Each("SELECT part, ports FROM unseen WHERE scan = ? AND subject = ?",
                            {scan, seen.subject}, [&](Row& row) {
                              const auto part = row.Integer();
                              left[static_cast<std::uint64_t>(part)] = row.Parsed(ParsePortSet);
                            });
  if (!read) return read;
  for (auto& [part, ports] : left) {
    ports.Remove(seen.ports);
    auto kept = ports.empty()
                    ? database.Run("DELETE FROM unseen WHERE scan = ? AND subject = ? AND part = ?",
                                   {scan, seen.subject, ToValue(part)})
                    : database.Run(
                          "UPDATE unseen SET ports = ? WHERE scan = ? AND subject = ? "
                          "AND part = ?",
                          {ports.ToString(), scan, seen.subject, ToValue(part)});
    if (!kept) return kept;
  }
  return {};
}

}  // namespace

Result<void> SaveUnseen(Database& database, const RunInfo& run, const UnseenInRun& unseen) {
  for (const auto& seen : unseen.seen) {
    if (auto taken = TakeSeen(database, run.scan, seen); !taken) return taken;
  }
  if (run.continues != 0) return {};
  auto kept = database.Run("UPDATE runs SET unseen_kept = 1 WHERE id = ?", {run.id});
  if (!kept) return kept;
  const auto has_rows = HasRows(database, run.scan);
  if (!has_rows) return has_rows.error();
  if (unseen.list.empty() && !*has_rows) return {};
  const auto before = LoadRecords(database, run.scan, unseen.part);
  if (!before) return before.error();
  const auto previous = FindRun(database, run.scan, run.id - 1, unseen.runs_per_round);
  if (!previous) return previous.error();
  std::array<bool, 2> whole{};
  for (const auto& what : unseen.list) {
    if (const auto family = ParseFamily(what.subject)) {
      whole.at(static_cast<std::size_t>(*family)) = true;
    }
    const auto row = Continued(database, run, *before, *previous, what);
    if (!row) return row.error();
    if (auto saved = SaveRecord(database, run, unseen.part, *row); !saved) return saved;
  }
  // While a whole family cannot be seen, nothing is known of its addresses.
  for (const auto& [subject, row] : *before) {
    const auto address = IpAddress::Parse(subject);
    if (!address || !whole.at(static_cast<std::size_t>(address->family()))) continue;
    if (auto saved = SaveRecord(database, run, unseen.part, row); !saved) return saved;
  }
  return RemoveOld(database, run, unseen);
}

Result<Observations> LoadObservations(Database& database, const std::string& scan,
                                      std::uint64_t runs_per_round) {
  Observations observations;
  const auto round = FindRun(database, scan, INT64_MAX, runs_per_round);
  if (!round) return round.error();
  if (!*round) return observations;
  observations.round = (*round)->started;
  observations.oldest = observations.round;
  auto read = database.Each(
      "SELECT subject, min(host), coalesce(min(seen), min(asked)) AS since FROM unseen "
      "WHERE scan = ? AND run >= ? GROUP BY subject ORDER BY since, subject",
      {scan, (*round)->id}, [&](Row& row) {
        UnseenSince one;
        one.subject = row.Text();
        one.host = row.Text();
        one.since = row.Time();
        observations.unseen.push_back(std::move(one));
      });
  if (!read) return read.error();
  if (!observations.unseen.empty()) {
    observations.oldest = std::min(*observations.round, observations.unseen.front().since);
  }
  return observations;
}

}  // namespace postern::storage

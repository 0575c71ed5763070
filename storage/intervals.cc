#include "storage/intervals.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/enum_names.h"
#include "storage/plans.h"

namespace postern::storage {
namespace {

constexpr EnumNames<SeriesKind, 3> kKinds = {{
    {SeriesKind::kScan, "scan"},
    {SeriesKind::kBlind, "blind"},
    {SeriesKind::kLastKnown, "last_known"},
}};

PortRange ReadRange(Row& row) {
  const auto first = static_cast<std::uint16_t>(row.Integer(1, 65535));
  return {first, static_cast<std::uint16_t>(row.Integer(first, 65535))};
}

Verdict ReadVerdict(Row& row) {
  const PortState state = row.Parsed(ParsePortState);
  return {state, row.Parsed(ParseReason)};
}

PortStates Uniform(const std::vector<PortRange>& ports, const Verdict& verdict) {
  PortStates states;
  for (const auto& range : ports) states.Append(range, verdict);
  return states;
}

// The verdict that rows are spared for.
Verdict CommonOf(const PortStates& states) {
  return states.MostCommon().value_or(states.ranges().front().verdict);
}

PortStates Differing(const PortStates& states, const Verdict& common) {
  PortStates differing;
  for (const auto& range : states.ranges()) {
    if (range.verdict != common) differing.Append(range.ports, range.verdict);
  }
  return differing;
}

// Whether all of the stored range lies in the wanted one and says the same.
bool Holds(const PortStates::Range& stored, const PortStates::Range& wanted) {
  return stored.verdict == wanted.verdict && wanted.ports.first <= stored.ports.first &&
         stored.ports.last <= wanted.ports.last;
}

// Ports from `first` to before `end`, if that is any.
void AddPart(std::vector<PortStates::Range>& parts, const Verdict& verdict, std::uint32_t first,
             std::uint32_t end) {
  if (first >= end) return;
  parts.push_back(
      {{static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(end - 1)}, verdict});
}

}  // namespace

std::string_view ToString(SeriesKind kind) { return NameOf(kKinds, kind); }

Result<std::optional<std::int64_t>> Intervals::Find(SeriesKind kind, const std::string& scan) {
  std::optional<std::int64_t> id;
  auto found = database_.Each("SELECT id FROM series WHERE kind = ? AND scan = ?",
                              {ToString(kind), scan}, [&](Row& row) { id = row.Integer(); });
  if (!found) return found.error();
  return id;
}

Result<std::int64_t> Intervals::Intern(SeriesKind kind, const std::string& scan) {
  const auto known = Find(kind, scan);
  if (!known) return known.error();
  if (*known) return **known;
  auto stored =
      database_.Run("INSERT INTO series (kind, scan) VALUES (?, ?)", {ToString(kind), scan});
  if (!stored) return stored.error();
  return database_.last_insert_id();
}

Result<void> Intervals::Record(SeriesKind kind, const Track& track, std::int64_t run,
                               const PortStates& seen) {
  if (seen.empty() || (held_ != nullptr && held_->Holds(track, seen))) return {};
  const auto line = Load(track);
  if (!line) return line.error();
  PortStates states = line->states;
  states.Overlay(seen);
  if (states == line->states) {
    if (held_ != nullptr) held_->Add(track, seen);
    return {};
  }
  if (held_ != nullptr) held_->Replace(track, seen);
  return Write(kind, track, run, *line, states);
}

Result<void> Intervals::Write(SeriesKind kind, const Track& track, std::int64_t run,
                              const Line& line, const PortStates& states) {
  const Verdict common = CommonOf(states);
  auto host = WriteHost(kind, track, run, line, states, common);
  if (!host) return host;
  return WriteExceptions(kind, track, run, line.exceptions, Differing(states, common));
}

Result<PortStates> Intervals::Current(const Track& track) {
  auto line = Load(track);
  if (!line) return line.error();
  return std::move(line->states);
}

Result<PortStates> Intervals::At(const Track& track, std::int64_t run,
                                 const std::vector<PortRange>& ports) {
  std::optional<Verdict> common;
  auto host = database_.Each(
      "SELECT state, reason FROM host_intervals WHERE series = ?1 AND address = ?2 "
      "AND protocol = ?3 AND from_run <= ?4 AND (to_run IS NULL OR to_run > ?4)",
      {track.series, track.address.bytes(), ToString(track.protocol), run},
      [&](Row& row) { common = ReadVerdict(row); });
  if (!host) return host.error();
  if (!common) {
    return database_.Damaged("run " + std::to_string(run) + " has no verdict for " +
                             track.address.ToString());
  }
  const auto exceptions = ReadExceptions(
      "SELECT first_port, last_port, state, reason, from_run FROM port_intervals "
      "WHERE series = ?1 AND address = ?2 AND protocol = ?3 AND from_run <= ?4 "
      "AND (to_run IS NULL OR to_run > ?4)",
      {track.series, track.address.bytes(), ToString(track.protocol), run});
  if (!exceptions) return exceptions.error();
  PortStates states = Uniform(ports, *common);
  states.Overlay(StatesOf(*exceptions).Restricted(ports));
  return states;
}

Result<Intervals::Line> Intervals::Load(const Track& track) {
  Line line;
  auto host = database_.Each(
      "SELECT state, reason, ports, from_run FROM host_intervals WHERE series = ? "
      "AND address = ? AND protocol = ? AND to_run IS NULL",
      {track.series, track.address.bytes(), ToString(track.protocol)}, [&](Row& row) {
        const Verdict common = ReadVerdict(row);
        const std::int64_t ports = row.Integer();
        line.host = Host{common, ports, row.Integer()};
      });
  if (!host) return host.error();
  if (!line.host) return line;
  auto exceptions = ReadExceptions(
      "SELECT first_port, last_port, state, reason, from_run FROM port_intervals "
      "WHERE series = ? AND address = ? AND protocol = ? AND to_run IS NULL",
      {track.series, track.address.bytes(), ToString(track.protocol)});
  if (!exceptions) return exceptions.error();
  line.exceptions = *std::move(exceptions);
  const auto asked = Ports(line.host->ports);
  if (!asked) return asked.error();
  line.states = Uniform(asked->ranges(track.protocol), line.host->common);
  line.states.Overlay(StatesOf(line.exceptions));
  return line;
}

// Sorted here and not by SQLite: the rows that one run wrote come in order of their own accord.
Result<std::vector<Intervals::Exception>> Intervals::ReadExceptions(
    std::string_view sql, std::initializer_list<Value> values) {
  std::vector<Exception> exceptions;
  auto read = database_.Each(sql, values, [&](Row& row) {
    const PortRange ports = ReadRange(row);
    const Verdict verdict = ReadVerdict(row);
    exceptions.push_back({{ports, verdict}, row.Integer()});
  });
  if (!read) return read.error();
  const auto ascending = [](const Exception& a, const Exception& b) {
    return a.range.ports.first < b.range.ports.first;
  };
  if (!std::ranges::is_sorted(exceptions, ascending)) std::ranges::sort(exceptions, ascending);
  const auto overlapping =
      std::ranges::adjacent_find(exceptions, [](const Exception& a, const Exception& b) {
        return a.range.ports.last >= b.range.ports.first;
      });
  if (overlapping == exceptions.end()) return exceptions;
  return database_.Damaged("two verdicts of one run for port " +
                           std::to_string(overlapping->range.ports.last));
}

PortStates Intervals::StatesOf(const std::vector<Exception>& exceptions) {
  PortStates states;
  for (const auto& [range, from_run] : exceptions) states.Append(range.ports, range.verdict);
  return states;
}

Result<PortSet> Intervals::Ports(std::int64_t id) {
  if (const auto known = port_sets_.find(id); known != port_sets_.end()) return known->second;
  std::optional<PortSet> ports;
  auto read = database_.Each("SELECT spec FROM port_sets WHERE id = ?", {id},
                             [&](Row& row) { ports = row.Parsed(ParsePortSet); });
  if (!read) return read.error();
  if (!ports) return database_.Damaged("there is no port set " + std::to_string(id));
  port_sets_[id] = *ports;
  return *std::move(ports);
}

Result<void> Intervals::WriteHost(SeriesKind kind, const Track& track, std::int64_t run,
                                  const Line& line, const PortStates& states,
                                  const Verdict& common) {
  std::int64_t ports = line.host ? line.host->ports : 0;
  if (const auto asked = states.Asked(); !line.host || asked != line.states.Asked()) {
    auto interned = InternPortSet(database_, PortSet::Of(track.protocol, asked));
    if (!interned) return interned.error();
    ports = *interned;
  }
  if (line.host && line.host->common == common) {
    if (line.host->ports == ports) return {};
    return database_.Run(
        "UPDATE host_intervals SET ports = ? WHERE series = ? "
        "AND address = ? AND protocol = ? AND from_run = ?",
        {ports, track.series, track.address.bytes(), ToString(track.protocol),
         line.host->from_run});
  }
  if (line.host) {
    if (auto ended = EndHost(kind, track, run, line.host->from_run); !ended) return ended;
  }
  return database_.Run(
      "INSERT INTO host_intervals (series, address, protocol, from_run, state, reason, ports) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      {track.series, track.address.bytes(), ToString(track.protocol), run, ToString(common.state),
       ToString(common.reason), ports});
}

Result<void> Intervals::EndHost(SeriesKind kind, const Track& track, std::int64_t run,
                                std::int64_t from_run) {
  if (kind == SeriesKind::kLastKnown) {
    return database_.Run(
        "DELETE FROM host_intervals WHERE series = ? AND address = ? "
        "AND protocol = ? AND from_run = ?",
        {track.series, track.address.bytes(), ToString(track.protocol), from_run});
  }
  return database_.Run(
      "UPDATE host_intervals SET to_run = ? WHERE series = ? "
      "AND address = ? AND protocol = ? AND from_run = ?",
      {run, track.series, track.address.bytes(), ToString(track.protocol), from_run});
}

// A row stays while its verdict holds for each of its ports; what no row that stays covers gets new
// ones. Both lists ascend.
Result<void> Intervals::WriteExceptions(SeriesKind kind, const Track& track, std::int64_t run,
                                        const std::vector<Exception>& old,
                                        const PortStates& wanted) {
  std::vector<PortStates::Range> fresh;
  auto row = old.begin();
  for (const auto& range : wanted.ranges()) {
    std::uint32_t next = range.ports.first;
    for (; row != old.end() && row->range.ports.first <= range.ports.last; ++row) {
      if (!Holds(row->range, range)) {
        if (auto ended = EndException(kind, track, run, *row); !ended) return ended;
        continue;
      }
      AddPart(fresh, range.verdict, next, row->range.ports.first);
      next = std::uint32_t{row->range.ports.last} + 1;
    }
    AddPart(fresh, range.verdict, next, std::uint32_t{range.ports.last} + 1);
  }
  for (; row != old.end(); ++row) {
    if (auto ended = EndException(kind, track, run, *row); !ended) return ended;
  }
  for (const auto& range : fresh) {
    if (auto inserted = InsertException(track, run, range); !inserted) return inserted;
  }
  return {};
}

Result<void> Intervals::EndException(SeriesKind kind, const Track& track, std::int64_t run,
                                     const Exception& exception) {
  const std::int64_t first = exception.range.ports.first;
  if (kind == SeriesKind::kLastKnown) {
    return database_.Run(
        "DELETE FROM port_intervals WHERE series = ? AND address = ? "
        "AND protocol = ? AND from_run = ? AND first_port = ?",
        {track.series, track.address.bytes(), ToString(track.protocol), exception.from_run, first});
  }
  return database_.Run(
      "UPDATE port_intervals SET to_run = ? WHERE series = ? "
      "AND address = ? AND protocol = ? AND from_run = ? AND first_port = ?",
      {run, track.series, track.address.bytes(), ToString(track.protocol), exception.from_run,
       first});
}

Result<void> Intervals::InsertException(const Track& track, std::int64_t run,
                                        const PortStates::Range& range) {
  return database_.Run(
      "INSERT INTO port_intervals (series, address, protocol, from_run, first_port, last_port, "
      "state, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      {track.series, track.address.bytes(), ToString(track.protocol), run, range.ports.first,
       range.ports.last, ToString(range.verdict.state), ToString(range.verdict.reason)});
}

}  // namespace postern::storage

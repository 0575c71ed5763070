#include "storage/history.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "storage/evidence.h"
#include "storage/findings.h"
#include "storage/intervals.h"
#include "storage/plans.h"

namespace postern::storage {
namespace {

// A verdict that holds from one run until before another.
struct Interval {
  std::int64_t from_run = 0;
  std::optional<std::int64_t> to_run;
  Verdict verdict;
};

// What the runs of one scan saw of one address and protocol.
struct ScanLine {
  std::vector<Interval> common;                              // ascending
  std::vector<std::pair<PortRange, Interval>> differing;     // ascending by from_run
  std::vector<std::pair<PortSet, PortHistory::Runs>> asked;  // by equal sets of ports
};

using Lines = std::map<std::string, ScanLine>;

Interval ReadInterval(Row& row) {
  Interval interval;
  interval.from_run = row.Integer();
  interval.to_run = row.OptionalInteger();
  interval.verdict.state = row.Parsed(ParsePortState);
  interval.verdict.reason = row.Parsed(ParseReason);
  return interval;
}

Result<Lines> LoadLines(Database& database, const IpAddress& address, Protocol protocol) {
  Lines lines;
  auto hosts = database.Each(
      "SELECT s.scan, h.from_run, h.to_run, h.state, h.reason FROM series AS s "
      "CROSS JOIN host_intervals AS h ON h.series = s.id WHERE s.kind = 'scan' "
      "AND h.address = ? AND h.protocol = ? ORDER BY h.from_run",
      {address.bytes(), ToString(protocol)}, [&](Row& row) {
        auto& line = lines[row.Text()];
        line.common.push_back(ReadInterval(row));
      });
  if (!hosts) return hosts.error();
  auto ports = database.Each(
      "SELECT s.scan, p.first_port, p.last_port, p.from_run, p.to_run, p.state, p.reason "
      "FROM series AS s CROSS JOIN port_intervals AS p ON p.series = s.id WHERE s.kind = 'scan' "
      "AND p.address = ? AND p.protocol = ? ORDER BY p.from_run",
      {address.bytes(), ToString(protocol)}, [&](Row& row) {
        auto& line = lines[row.Text()];
        const auto first = static_cast<std::uint16_t>(row.Integer(1, 65535));
        const PortRange range{first, static_cast<std::uint16_t>(row.Integer(first, 65535))};
        line.differing.emplace_back(range, ReadInterval(row));
      });
  if (!ports) return ports.error();
  return lines;
}

void AddAskings(const std::vector<Asking>& askings, Protocol protocol, Lines& lines) {
  for (const auto& asking : askings) {
    const auto at = lines.find(asking.scan);
    if (at == lines.end() || asking.ports.ranges(protocol).empty()) continue;
    at->second.asked.emplace_back(asking.ports,
                                  PortHistory::Runs{asking.first_run, asking.last_run});
  }
}

// The first ports of ranges in which all ports were always told apart in the same way, and the
// ports behind the last one.
std::set<std::uint32_t> CutsOf(const Lines& lines) {
  std::set<std::uint32_t> cuts;
  for (const auto& [scan, line] : lines) {
    for (const auto& [range, interval] : line.differing) {
      cuts.insert(range.first);
      cuts.insert(std::uint32_t{range.last} + 1);
    }
  }
  return cuts;
}

// The runs of the scan that asked for any of `ports`; none if none that is kept did.
std::optional<PortHistory::Runs> RunsThatAsked(const ScanLine& line, const PortSet& ports) {
  std::optional<PortHistory::Runs> runs;
  for (const auto& [asked, at] : line.asked) {
    if (!asked.Intersects(ports)) continue;
    if (!runs) {
      runs = at;
    } else {
      runs = {std::min(runs->first, at.first), std::max(runs->last, at.last)};
    }
  }
  return runs;
}

// Run to what it saw, where that is not what the run of the scan before it saw.
using Story = std::map<std::int64_t, Verdict>;

// Of a port that `differing` are the intervals of.
Story StoryOf(const ScanLine& line, const std::vector<const Interval*>& differing) {
  Story common;
  for (const auto& interval : line.common) common[interval.from_run] = interval.verdict;
  Story story = common;
  for (const auto* interval : differing) {
    auto end = interval->to_run ? story.lower_bound(*interval->to_run) : story.end();
    story.erase(story.lower_bound(interval->from_run), end);
    story[interval->from_run] = interval->verdict;
    if (!interval->to_run || story.contains(*interval->to_run)) continue;
    const auto after = common.upper_bound(*interval->to_run);
    if (after != common.begin()) story[*interval->to_run] = std::prev(after)->second;
  }
  return story;
}

// What the run that first asked the port saw: rows of a host go back to when it was first asked
// anything.
void BeginAt(std::int64_t run, Story& story) {
  const auto after = story.upper_bound(run);
  if (after == story.begin()) return;
  const Verdict verdict = std::prev(after)->second;
  story.erase(story.begin(), after);
  story[run] = verdict;
}

// The intervals of a range between two cuts, by scan.
using Differing = std::map<std::string, std::vector<const Interval*>>;

// The cuts, each with the intervals of its range.
std::map<std::uint32_t, Differing> RangesOf(const Lines& lines) {
  std::map<std::uint32_t, Differing> ranges;
  for (const auto cut : CutsOf(lines)) ranges[cut];
  for (const auto& [scan, line] : lines) {
    for (const auto& [range, interval] : line.differing) {
      const auto end = ranges.upper_bound(range.last);
      for (auto at = ranges.find(range.first); at != end; ++at) {
        at->second[scan].push_back(&interval);
      }
    }
  }
  return ranges;
}

// The stories of all scans as one. What a run could not tell changes nothing.
PortHistory Merge(const Lines& lines, const Differing& differing, const PortSet& ports) {
  PortHistory history;
  std::map<std::int64_t, std::pair<std::string, Verdict>> all;
  for (const auto& [scan, line] : lines) {
    const auto asked = RunsThatAsked(line, ports);
    if (!asked) continue;
    const auto own = differing.find(scan);
    auto story =
        StoryOf(line, own == differing.end() ? std::vector<const Interval*>{} : own->second);
    BeginAt(asked->first, story);
    for (const auto& [run, verdict] : story) all[run] = {scan, verdict};
    auto& runs = history.asked;
    runs.first = runs.first == 0 ? asked->first : std::min(runs.first, asked->first);
    runs.last = std::max(runs.last, asked->last);
  }
  std::optional<PortState> before;
  for (const auto& [run, seen] : all) {
    const auto& [scan, verdict] = seen;
    if (verdict.state == PortState::kUnknown || verdict.state == before) continue;
    before = verdict.state;
    history.changes.push_back({run, scan, verdict});
  }
  return history;
}

bool SameStory(const PortHistory& a, const PortHistory& b) {
  return a.changes == b.changes && a.asked == b.asked && a.ports.last + 1 == b.ports.first;
}

ProtocolHistory HistoryOf(const Lines& lines, Protocol protocol) {
  ProtocolHistory history{.protocol = protocol, .ports = {}, .others = {}};
  PortSet others = PortSet::Of(protocol, {{1, 65535}});
  const auto ranges = RangesOf(lines);
  for (auto at = ranges.begin(); at != ranges.end(); ++at) {
    if (at->second.empty()) continue;  // between two ranges that differed
    const auto first = static_cast<std::uint16_t>(at->first);
    const PortRange range{first, static_cast<std::uint16_t>(std::next(at)->first - 1)};
    others.Remove(protocol, range);
    // All of them were asked together whenever they differed; one stands for all.
    auto one = Merge(lines, at->second, PortSet::Of(protocol, {{first, first}}));
    if (one.changes.empty()) continue;
    one.ports = range;
    if (!history.ports.empty() && SameStory(history.ports.back(), one)) {
      history.ports.back().ports.last = one.ports.last;
    } else {
      history.ports.push_back(std::move(one));
    }
  }
  history.others = Merge(lines, {}, others);
  return history;
}

Result<void> AddTimes(Database& database, AddressHistory& history) {
  std::set<std::int64_t> wanted;
  const auto want = [&](const PortHistory& port) {
    wanted.insert({port.asked.first, port.asked.last});
    for (const auto& change : port.changes) wanted.insert(change.run);
  };
  for (const auto& protocol : history.protocols) {
    want(protocol.others);
    for (const auto& port : protocol.ports) want(port);
  }
  for (const auto run : wanted) {
    auto read = database.Each("SELECT finished FROM runs WHERE id = ?", {run},
                              [&](Row& row) { history.run_times[run] = row.Time(); });
    if (!read) return read;
  }
  return database.Each("SELECT started FROM runs ORDER BY id LIMIT 1", {},
                       [&](Row& row) { history.kept_since = row.Time(); });
}

Result<void> AddFindings(Database& database, const IpAddress& address, AddressHistory& history) {
  auto findings = LoadFindingsOf(database, address);
  if (!findings) return findings.error();
  history.findings = *std::move(findings);
  for (const auto& finding : history.findings) {
    auto evidence = LoadEvidence(database, finding.id);
    if (!evidence) return evidence.error();
    for (auto& one : *evidence) history.evidence.push_back(std::move(one));
  }
  return {};
}

}  // namespace

Result<AddressHistory> LoadAddressHistory(Database& database, const IpAddress& address) {
  AddressHistory history{.address = address};
  const auto askings = AskingsOf(database, address);
  if (!askings) return askings.error();
  for (const auto protocol : kProtocols) {
    auto lines = LoadLines(database, address, protocol);
    if (!lines) return lines.error();
    if (lines->empty()) continue;
    AddAskings(*askings, protocol, *lines);
    history.protocols.push_back(HistoryOf(*lines, protocol));
  }
  if (auto added = AddFindings(database, address, history); !added) return added.error();
  if (auto added = AddTimes(database, history); !added) return added.error();
  return history;
}

Result<std::vector<IpAddress>> LoadNeighbours(Database& database, const IpAddress& address) {
  std::vector<IpAddress> near;
  for (const auto* sql : {"SELECT max(h.address) FROM series AS s CROSS JOIN host_intervals AS h "
                          "ON h.series = s.id WHERE s.kind = 'last_known' AND h.address < ?1 "
                          "AND length(h.address) = length(?1)",
                          "SELECT min(h.address) FROM series AS s CROSS JOIN host_intervals AS h "
                          "ON h.series = s.id WHERE s.kind = 'last_known' AND h.address > ?1 "
                          "AND length(h.address) = length(?1)"}) {
    auto read = database.Each(sql, {address.bytes()}, [&](Row& row) {
      const auto found = row.OptionalBytes();
      if (!found) return;
      if (const auto parsed = IpAddress::FromBytes(*found)) near.push_back(*parsed);
    });
    if (!read) return read.error();
  }
  return near;
}

}  // namespace postern::storage

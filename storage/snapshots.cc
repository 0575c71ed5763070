#include "storage/snapshots.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "storage/intervals.h"
#include "storage/plans.h"
#include "storage/runs.h"

namespace postern::storage {
namespace {

// A blind run is kept as exactly as any other, but where it disturbs nobody.
SeriesKind KindFor(const Coverage& coverage, Family family) {
  return coverage.Trusted(family) ? SeriesKind::kScan : SeriesKind::kBlind;
}

Result<void> RecordAddress(Intervals& intervals, SeriesKind kind, std::int64_t series,
                           std::int64_t run, const AddressStates& states) {
  for (const auto protocol : kProtocols) {
    const auto& seen = states.of(protocol);
    auto recorded = intervals.Record(kind, {series, states.address, protocol}, run,
                                     kind == SeriesKind::kLastKnown ? seen.Known() : seen);
    if (!recorded) return recorded;
  }
  return {};
}

// Those addresses of the snapshot whose family's verdicts belong into a series of this kind.
Result<void> RecordSeries(Intervals& intervals, SeriesKind kind, const Snapshot& snapshot,
                          const KnownOfAbsent& known_of_absent) {
  const bool last_known = kind == SeriesKind::kLastKnown;
  const auto series = intervals.Intern(kind, last_known ? std::string() : snapshot.run.scan);
  if (!series) return series.error();
  const SeriesKind source = last_known ? SeriesKind::kScan : kind;
  for (const auto& states : snapshot.addresses) {
    if (KindFor(snapshot.coverage, states.address.family()) != source) continue;
    const auto absent = known_of_absent.find(states.address);
    const bool instead = last_known && absent != known_of_absent.end();
    auto recorded =
        RecordAddress(intervals, kind, *series, snapshot.run.id, instead ? absent->second : states);
    if (!recorded) return recorded;
  }
  return {};
}

Result<AddressStates> ReadAddressAt(Intervals& intervals, std::int64_t series, std::int64_t run,
                                    const IpAddress& address, const PortSet& asked) {
  AddressStates states{.address = address, .ports = {}};
  for (const auto protocol : kProtocols) {
    const auto& ports = asked.ranges(protocol);
    if (ports.empty()) continue;
    auto at = intervals.At({series, address, protocol}, run, ports);
    if (!at) return at.error();
    states.of(protocol) = *std::move(at);
  }
  return states;
}

// The series that the snapshot's verdicts went to, by family.
Result<std::array<std::int64_t, 2>> SeriesOf(Database& database, Intervals& intervals,
                                             const Snapshot& snapshot) {
  std::array<std::int64_t, 2> series{};
  for (const auto family : kFamilies) {
    const auto found = intervals.Find(KindFor(snapshot.coverage, family), snapshot.run.scan);
    if (!found) return found.error();
    if (!*found) return database.Damaged("scan '" + snapshot.run.scan + "' has no series");
    series[static_cast<std::size_t>(family)] = **found;
  }
  return series;
}

}  // namespace

Result<void> SaveSnapshot(Database& database, const Snapshot& snapshot,
                          const KnownOfAbsent& known_of_absent, HeldStates& held) {
  const auto plan = InternPlan(database, snapshot.addresses);
  if (!plan) return plan.error();
  if (auto marked = MarkCommitted(database, snapshot, *plan); !marked) return marked;
  Intervals intervals(database, held);
  for (const auto kind : {SeriesKind::kScan, SeriesKind::kBlind, SeriesKind::kLastKnown}) {
    if (auto recorded = RecordSeries(intervals, kind, snapshot, known_of_absent); !recorded)
      return recorded;
  }
  return {};
}

Result<Snapshot> ReadSnapshot(Database& database, std::int64_t run) {
  const auto stored = LoadRun(database, run);
  if (!stored) return stored.error();
  if (!*stored) {
    return Error{"there is no snapshot " + std::to_string(run) +
                 ": no run of this number was committed"};
  }
  Snapshot snapshot{.run = (*stored)->info, .coverage = (*stored)->coverage, .addresses = {}};
  const auto plan = LoadPlan(database, (*stored)->plan);
  if (!plan) return plan.error();
  Intervals intervals(database);
  const auto series = SeriesOf(database, intervals, snapshot);
  if (!series) return series.error();
  for (const auto& [address, asked] : *plan) {
    const auto own = (*series)[static_cast<std::size_t>(address.family())];
    auto states = ReadAddressAt(intervals, own, run, address, asked);
    if (!states) return states.error();
    snapshot.addresses.push_back(*std::move(states));
  }
  return snapshot;
}

Result<std::vector<AddressStates>> ReadLastKnown(Database& database,
                                                 std::span<const IpAddress> addresses) {
  Intervals intervals(database);
  std::vector<AddressStates> known;
  const auto series = intervals.Find(SeriesKind::kLastKnown, "");
  if (!series) return series.error();
  if (!*series) return known;
  for (const auto& address : std::set<IpAddress>(addresses.begin(), addresses.end())) {
    AddressStates last{.address = address, .ports = {}};
    for (const auto protocol : kProtocols) {
      auto states = intervals.Current({**series, address, protocol});
      if (!states) return states.error();
      last.of(protocol) = *std::move(states);
    }
    const auto empty = [](const PortStates& states) { return states.empty(); };
    if (!std::ranges::all_of(last.ports, empty)) known.push_back(std::move(last));
  }
  return known;
}

}  // namespace postern::storage

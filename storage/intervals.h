// Series of verdicts, kept as intervals of runs. A series knows, for each address and protocol, one
// verdict that holds for most of its ports, and ranges of ports whose verdict differs; a row holds
// from one run until another saw something else. Private to the store.
//
// One Intervals serves one transaction; not thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/port_set.h"
#include "core/port_states.h"
#include "core/result.h"
#include "storage/database.h"
#include "storage/held_states.h"

namespace postern::storage {

enum class SeriesKind : std::uint8_t {
  kScan,   // what the runs of one scan saw
  kBlind,  // the same for the runs that were blind in the address's family
  // The newest known verdict of each port from all scans, blind runs left out. Has no past: rows
  // that no longer hold are deleted.
  kLastKnown,
};

// "scan", "blind", "last_known".
std::string_view ToString(SeriesKind kind);

class Intervals {
 public:
  explicit Intervals(Database& database) : database_(database) {}
  // To record: with what is known of the rows from transactions before.
  Intervals(Database& database, HeldStates& held) : database_(database), held_(&held) {}

  // The key of the series, made if it is new. `scan` is empty for kLastKnown.
  Result<std::int64_t> Intern(SeriesKind kind, const std::string& scan);
  // None if there is no such series.
  Result<std::optional<std::int64_t>> Find(SeriesKind kind, const std::string& scan);

  // From `run` on, `seen` holds for its ports; other ports keep what they had. Runs of a series
  // other than kLastKnown come in ascending order.
  Result<void> Record(SeriesKind kind, const Track& track, std::int64_t run,
                      const PortStates& seen);
  // What holds now, for every port that was ever asked.
  Result<PortStates> Current(const Track& track);
  // What held at `run`, as far as it lies in `ports`.
  Result<PortStates> At(const Track& track, std::int64_t run, const std::vector<PortRange>& ports);

 private:
  struct Host {
    Verdict common;
    std::int64_t ports = 0;  // the key of the set of all ports ever asked
    std::int64_t from_run = 0;
  };
  struct Exception {
    PortStates::Range range;
    std::int64_t from_run = 0;
  };
  struct Line {
    std::optional<Host> host;  // none: nothing was recorded yet
    std::vector<Exception> exceptions;
    PortStates states;
  };

  Result<void> Write(SeriesKind kind, const Track& track, std::int64_t run, const Line& line,
                     const PortStates& states);
  Result<Line> Load(const Track& track);
  // The answer to `sql`, whose columns are those of an Exception; ascending.
  Result<std::vector<Exception>> ReadExceptions(std::string_view sql,
                                                std::initializer_list<Value> values);
  static PortStates StatesOf(const std::vector<Exception>& exceptions);
  Result<PortSet> Ports(std::int64_t id);
  Result<void> WriteHost(SeriesKind kind, const Track& track, std::int64_t run, const Line& line,
                         const PortStates& states, const Verdict& common);
  Result<void> EndHost(SeriesKind kind, const Track& track, std::int64_t run,
                       std::int64_t from_run);
  Result<void> WriteExceptions(SeriesKind kind, const Track& track, std::int64_t run,
                               const std::vector<Exception>& old, const PortStates& wanted);
  Result<void> EndException(SeriesKind kind, const Track& track, std::int64_t run,
                            const Exception& exception);
  Result<void> InsertException(const Track& track, std::int64_t run,
                               const PortStates::Range& range);

  Database& database_;
  HeldStates* held_ = nullptr;                 // null: nothing is remembered
  std::map<std::int64_t, PortSet> port_sets_;  // those read so far, by key
};

}  // namespace postern::storage

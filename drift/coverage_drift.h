// How old the observations are that a scan rests on. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/drift.h"
#include "core/time.h"
#include "policy/config.h"

namespace postern::drift {

// The time between `from` and `to` in which a scan could run: within `watches`, the times in which
// the daemon ran and was not paused, and in no quiet hour.
Duration WatchedTime(TimePoint from, TimePoint to, std::span<const Period> watches,
                     std::span<const policy::QuietHours> quiet_hours);

// semantics, coverage_stale: 2 x `every` + `jitter`.
Duration OldestAllowed(const policy::ScanConfig& scan);

struct ScanAge {
  const policy::ScanConfig* scan = nullptr;  // never null; owned by the configuration
  // When the scan's newest whole round began; none: it never was everywhere.
  std::optional<TimePoint> oldest;
  // WatchedTime since then, or since the scan has been configured as it is, whichever is later.
  Duration watched{};
  // What was not seen for longer than OldestAllowed of such time: "web-1 (192.0.2.1)", a name, a
  // family; the longest unseen first.
  std::vector<std::string> unseen = {};
  std::optional<TimePoint> unseen_since = {};  // of the first of them
};

// coverage_stale: one for each scan whose watched time is longer than OldestAllowed, or that did
// not see something for so long.
std::vector<Drift> StaleDrift(std::span<const ScanAge> ages);

}  // namespace postern::drift

// When a scan runs next. Pure functions; the loop that waits is scan_loop.h.
#pragma once

#include <optional>

#include "core/time.h"

namespace postern::daemon {

// Time since some moment, by a clock that nobody can set; it goes on while the machine is
// suspended. Intervals are measured by it.
Duration Elapsed(const Clock& clock);

// How long ago the last run of a former life of the program started. None if there was none, or if
// it lies in the future: the clock was set back, and that must not silence a scan.
std::optional<Duration> SinceLastStart(std::optional<TimePoint> last_started, TimePoint now);

// How long to wait for the next start. Nothing where a run is overdue or was never made: what was
// missed is made up for once, not run by run. `jitter_share`, 0 to 1, is how much of `jitter` is
// added.
Duration DelayUntilNext(std::optional<Duration> since_last_start, Duration interval,
                        Duration jitter, double jitter_share);

}  // namespace postern::daemon

// When a scan runs next. Pure functions; the loop that waits is scan_loop.h.
#pragma once

#include <optional>

#include "core/time.h"
#include "policy/config.h"

namespace postern::daemon {

// How long to wait at the start of the program: what is left of the interval since the last run, so
// that a restart repeats nothing; nothing where a run is overdue or was never made. A start in the
// future (the clock was set back) counts as never.
Duration FirstDelay(std::optional<TimePoint> last_started, TimePoint now, Duration interval);

// How long to wait after a run that started `elapsed` ago. A run that took longer than its interval
// is followed at once, once: what was missed is not made up for. `jitter_share` is 0 to 1.
Duration NextDelay(Duration elapsed, Duration interval, Duration jitter, double jitter_share);

}  // namespace postern::daemon

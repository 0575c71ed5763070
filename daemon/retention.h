// The configured ages as points in time.
#pragma once

#include <optional>

#include "core/time.h"
#include "policy/config.h"
#include "storage/store.h"

namespace postern::daemon {

// The time that ages are counted to. It does not follow a clock that leaps ahead until the clock
// has stayed there for a day, so that what a wrong clock makes old is not lost before somebody puts
// it right. Until then it goes on at the pace of elapsed time. Not thread-safe.
class AgeClock {
 public:
  struct Reading {
    TimePoint time;
    bool leapt = false;  // told once for each leap
  };

  // `elapsed` is of a clock that cannot be set; `last_known` what the clock said when something was
  // last stored, none if nothing is.
  AgeClock(std::optional<TimePoint> last_known, Duration elapsed)
      : known_(last_known), known_at_(elapsed) {}

  Reading Read(TimePoint now, Duration elapsed);

 private:
  std::optional<TimePoint> known_;    // a time that is believed, and
  Duration known_at_;                 // when that was
  std::optional<Duration> leapt_at_;  // since when the clock is ahead of it
};

// Findings go with their evidence, outbox rows with the runs.
storage::Expiry ExpiryAt(const policy::Retention& retention, TimePoint now);

}  // namespace postern::daemon

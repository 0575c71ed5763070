#include "daemon/schedule.h"

#include <algorithm>

namespace postern::daemon {

Duration Elapsed(const Clock& clock) {
  return std::chrono::floor<Duration>(clock.Monotonic().time_since_epoch()) + clock.Suspended();
}

std::optional<Duration> SinceLastStart(std::optional<TimePoint> last_started, TimePoint now) {
  if (!last_started || *last_started > now) return std::nullopt;
  return now - *last_started;
}

Duration DelayUntilNext(std::optional<Duration> since_last_start, Duration interval,
                        Duration jitter, double jitter_share) {
  if (!since_last_start) return Duration{0};
  const auto extra =
      Duration(static_cast<Duration::rep>(static_cast<double>(jitter.count()) * jitter_share));
  return std::max(Duration{0}, interval + extra - *since_last_start);
}

}  // namespace postern::daemon

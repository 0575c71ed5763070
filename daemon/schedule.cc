#include "daemon/schedule.h"

#include <algorithm>

namespace postern::daemon {

Duration FirstDelay(std::optional<TimePoint> last_started, TimePoint now, Duration interval) {
  if (!last_started || *last_started > now) return Duration{0};
  return std::max(Duration{0}, interval - (now - *last_started));
}

Duration NextDelay(Duration elapsed, Duration interval, Duration jitter, double jitter_share) {
  const auto extra =
      Duration(static_cast<Duration::rep>(static_cast<double>(jitter.count()) * jitter_share));
  return std::max(Duration{0}, interval + extra - elapsed);
}

}  // namespace postern::daemon

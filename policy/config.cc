#include "policy/config.h"

#include <algorithm>

namespace postern::policy {

bool QuietHours::Contains(TimePoint time) const {
  using namespace std::chrono;
  // 1970-01-01 was a Thursday: day 3 of a week that begins on Monday.
  constexpr std::int64_t kWeek = 7 * 24 * 60;
  const auto minutes = floor<std::chrono::minutes>(time.time_since_epoch()).count();
  const auto minute = ((minutes + 3 * 24 * 60) % kWeek + kWeek) % kWeek;
  if (begin <= end) return begin <= minute && minute < end;
  return minute >= begin || minute < end;
}

bool ReceiverConfig::Wants(const Drift& drift) const {
  const bool severity = severities.empty() || std::find(severities.begin(), severities.end(),
                                                        drift.severity) != severities.end();
  const bool kind = !kinds || std::find(kinds->begin(), kinds->end(), drift.kind) != kinds->end();
  return severity && kind;
}

}  // namespace postern::policy

#include "policy/config.h"

#include <algorithm>

namespace postern::policy {
namespace {

constexpr std::int64_t kWeek = 7 * 24 * 60;  // in minutes

// Since Monday 00:00 UTC.
std::int64_t MinuteOfWeek(TimePoint time) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()).count();
  // 1970-01-01 was a Thursday: day 3 of a week that begins on Monday.
  return ((minutes + 3 * 24 * 60) % kWeek + kWeek) % kWeek;
}

}  // namespace

TimePoint QuietHours::NextChange(TimePoint time) const {
  const auto minute = MinuteOfWeek(time);
  // From the beginning of this minute to that of the window's next one; a whole week if it is now.
  const auto until = [&](int change) { return (change - minute + kWeek - 1) % kWeek + 1; };
  return std::chrono::floor<std::chrono::minutes>(time) +
         std::chrono::minutes(std::min(until(begin), until(end)));
}

bool QuietHours::Contains(TimePoint time) const {
  const auto minute = MinuteOfWeek(time);
  if (begin <= end) return begin <= minute && minute < end;
  return minute >= begin || minute < end;
}

std::string AlertmanagerPlace(const std::string& url) {
  const auto end = url.find_last_not_of('/') + 1;
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(begin, std::max(begin, end) - begin);
}

bool ReceiverConfig::Wants(const Drift& drift) const {
  const bool severity = severities.empty() || std::find(severities.begin(), severities.end(),
                                                        drift.severity) != severities.end();
  const bool kind = !kinds || std::find(kinds->begin(), kinds->end(), drift.kind) != kinds->end();
  return severity && kind;
}

}  // namespace postern::policy

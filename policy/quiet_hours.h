// Weekly windows of time.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace postern::policy {

// A weekly window in UTC, in minutes since Monday 00:00; wraps over the week's end where end <
// begin.
struct QuietHours {
  int begin = 0;
  int end = 0;

  bool Contains(TimePoint time) const;
  // The first time after `time` at which the window begins or ends.
  TimePoint NextChange(TimePoint time) const;
};

// "Sat 22:00-Sun 04:00" is one weekly window, "22:00-04:00" one for each day. UTC. The times are
// 00:00 to 24:00, and begin and end differ. An error continues "TEXT ...".
Result<std::vector<QuietHours>> ParseQuietHours(std::string_view text);

// Returns "00:00" to "24:00" in minutes, and nothing for any other text.
std::optional<int> ParseMinuteOfDay(std::string_view text);

}  // namespace postern::policy

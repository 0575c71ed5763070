// The text form of quiet hours.
#pragma once

#include <string_view>
#include <vector>

#include "core/result.h"
#include "policy/config.h"

namespace postern::policy {

// "Sat 22:00-Sun 04:00" is one weekly window, "22:00-04:00" one for each day. UTC. The times are
// 00:00 to 24:00, and begin and end differ. An error continues "TEXT ...".
Result<std::vector<QuietHours>> ParseQuietHours(std::string_view text);

}  // namespace postern::policy

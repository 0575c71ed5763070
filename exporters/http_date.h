// Times as HTTP headers have them (RFC 9110, sections 5.6.7 and 10.2.3).
#pragma once

#include <optional>
#include <string_view>

#include "core/time.h"

namespace postern::exporters {

// "Sun, 06 Nov 1994 08:49:37 GMT". None for anything else, the two obsolete forms included.
std::optional<TimePoint> ParseHttpDate(std::string_view text);

// How long a Retry-After asks to wait, in seconds or until a date by the clock of whoever sent it:
// `date` is its Date, and where that is missing the clock is taken for `now`. At most a day, which
// is beyond any rate limit that a receiver's operator would want; 0 for what is not understood.
Duration ParseRetryAfter(std::string_view text, std::string_view date, TimePoint now);

}  // namespace postern::exporters

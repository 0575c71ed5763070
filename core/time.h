// Points in time and durations as values and as text. Order between runs is by sequence number, not
// by these; intervals are measured on the monotonic clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace postern {

// UTC, in milliseconds.
using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

// Whichever way the clock was set meanwhile, so that nothing that lasts by it can last for years.
inline Duration Between(TimePoint a, TimePoint b) { return std::chrono::abs(b - a); }

struct Period {
  TimePoint begin;
  TimePoint end;

  bool operator==(const Period&) const = default;
};

// RFC 3339 in UTC: "2026-01-31T23:59:59.123Z".
std::string FormatTime(TimePoint time);
// Exactly that form.
std::optional<TimePoint> ParseTime(std::string_view text);

// RFC 5322, section 3.3, in UTC, without the zone, which mail and HTTP write differently:
// "Sun, 01 Mar 2026 00:00:00".
std::string FormatMessageTime(TimePoint time);

// A real calendar date, YYYY-MM-DD.
std::optional<std::chrono::sys_days> ParseDate(std::string_view text);
// YYYY-MM-DD.
std::string FormatDate(std::chrono::sys_days day);

// A whole number and a unit: ms, s, m, h, d ("90s", "7d"). At most 10 years.
std::optional<Duration> ParseDuration(std::string_view text);
// The same text with the largest unit that divides it: "90s", "7d".
std::string FormatDuration(Duration duration);

// The two clocks, so that tests can set them. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;
  // Stands still while the machine is suspended.
  virtual std::chrono::steady_clock::time_point Monotonic() const = 0;
  // How long the machine was suspended so far.
  virtual Duration Suspended() const { return Duration{0}; }
};

// A suspension that is longer than this loses replies to probes in flight. Shorter ones are what
// reading two clocks one after the other may differ by on a busy machine.
inline constexpr Duration kShortestSuspension = std::chrono::seconds(1);

// The machine's own clocks; lives for the whole program.
const Clock& SystemClock();

}  // namespace postern

#include "core/time.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "core/parse_number.h"

namespace postern {
namespace {

using std::chrono::sys_days;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits = {{
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};
constexpr std::int64_t kTenYears = 3653LL * 86'400'000;

class MachineClock final : public Clock {
 public:
  TimePoint Now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  std::chrono::steady_clock::time_point Monotonic() const override {
    return std::chrono::steady_clock::now();
  }
  // clock_gettime(2): CLOCK_BOOTTIME is CLOCK_MONOTONIC and the time that the system is suspended.
  // The smallest of a few differences is the one that least came in between the two readings.
  Duration Suspended() const override {
    auto least = Duration::max();
    for (int i = 0; i < 3; ++i) {
      const auto running = Reading(CLOCK_MONOTONIC);
      least = std::min(least, Reading(CLOCK_BOOTTIME) - running);
    }
    return least;
  }

 private:
  static Duration Reading(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return std::chrono::floor<Duration>(std::chrono::seconds(time.tv_sec) +
                                        std::chrono::nanoseconds(time.tv_nsec));
  }
};

// The number that `count` digits from `at` on make; none if one of them is no digit.
std::optional<int> Digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::string FormatDate(sys_days day) {
  const std::chrono::year_month_day date(day);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text.data();
}

std::string FormatTime(TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "T%02d:%02d:%02d.%03dZ",
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return FormatDate(day) + text.data();
}

std::optional<sys_days> ParseDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = Digits(text, 0, 4);
  const auto month = Digits(text, 5, 2);
  const auto day = Digits(text, 8, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return sys_days(date);
}

std::string FormatMessageTime(TimePoint time) {
  using namespace std::chrono;
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time) - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d",
                kDays[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::optional<TimePoint> ParseTime(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  if (text.size() != kForm.size()) return std::nullopt;
  for (const std::size_t at : {10U, 13U, 16U, 19U, 23U}) {
    if (text[at] != kForm[at]) return std::nullopt;
  }
  const auto day = ParseDate(text.substr(0, 10));
  const auto hours = Digits(text, 11, 2);
  const auto minutes = Digits(text, 14, 2);
  const auto seconds = Digits(text, 17, 2);
  const auto fraction = Digits(text, 20, 3);
  if (!day || !hours || !minutes || !seconds || !fraction) return std::nullopt;
  if (*hours > 23 || *minutes > 59 || *seconds > 59) return std::nullopt;
  return TimePoint(*day) + std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
         std::chrono::seconds(*seconds) + std::chrono::milliseconds(*fraction);
}

std::optional<Duration> ParseDuration(std::string_view text) {
  const auto unit_at = text.find_first_not_of("0123456789");
  if (unit_at == std::string_view::npos) return std::nullopt;
  for (const auto& [unit, milliseconds] : kUnits) {
    if (text.substr(unit_at) != unit) continue;
    const auto count = ParseDecimal(text.substr(0, unit_at), 0,
                                    static_cast<std::uint64_t>(kTenYears / milliseconds));
    if (!count) return std::nullopt;
    return Duration(static_cast<std::int64_t>(*count) * milliseconds);
  }
  return std::nullopt;
}

std::string FormatDuration(Duration duration) {
  if (duration.count() == 0) return "0s";
  for (const auto& [unit, milliseconds] : kUnits) {
    if (duration.count() % milliseconds == 0) {
      return std::to_string(duration.count() / milliseconds) + std::string(unit);
    }
  }
  return std::to_string(duration.count()) + "ms";
}

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace postern

#include "policy/quiet_hours.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace postern::policy {
namespace {

constexpr int kDay = 24 * 60;
constexpr int kWeek = 7 * kDay;
constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// A time of day in minutes, with its day of the week (0 is Monday) where one is named.
struct WeekTime {
  std::optional<int> day;
  int minute = 0;
};

std::optional<int> TwoDigits(std::string_view text) {
  if (text.size() != 2 || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return (text[0] - '0') * 10 + (text[1] - '0');
}

std::optional<WeekTime> ParseWeekTime(std::string_view text) {
  WeekTime time;
  if (const auto space = text.find(' '); space != std::string_view::npos) {
    const auto day = std::find(kDays.begin(), kDays.end(), text.substr(0, space));
    if (day == kDays.end()) return std::nullopt;
    time.day = static_cast<int>(day - kDays.begin());
    text.remove_prefix(space + 1);
  }
  const auto minute = ParseMinuteOfDay(text);
  if (!minute) return std::nullopt;
  time.minute = *minute;
  return time;
}

QuietHours Window(int begin_day, int begin, int end_day, int end) {
  return {(begin_day * kDay + begin) % kWeek, (end_day * kDay + end) % kWeek};
}

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

std::optional<int> ParseMinuteOfDay(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = TwoDigits(text.substr(0, 2));
  const auto minute = TwoDigits(text.substr(3));
  if (!hour || !minute || *minute > 59) return std::nullopt;
  const int all = *hour * 60 + *minute;
  return all <= kDay ? std::optional(all) : std::nullopt;
}

Result<std::vector<QuietHours>> ParseQuietHours(std::string_view text) {
  const Error unreadable{
      "is not a window of time; write \"22:00-04:00\" for every day, or \"Sat 22:00-Sun 04:00\", "
      "in "
      "UTC"};
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return unreadable;
  const auto begin = ParseWeekTime(text.substr(0, dash));
  const auto end = ParseWeekTime(text.substr(dash + 1));
  if (!begin || !end || begin->day.has_value() != end->day.has_value()) return unreadable;

  if (begin->day) {
    const QuietHours window = Window(*begin->day, begin->minute, *end->day, end->minute);
    if (window.begin == window.end) return Error{"ends where it begins"};
    return std::vector<QuietHours>{window};
  }
  if (begin->minute % kDay == end->minute % kDay) return Error{"ends where it begins"};
  const int next_day = end->minute < begin->minute ? 1 : 0;
  std::vector<QuietHours> windows;
  windows.reserve(kDays.size());
  for (int day = 0; day < 7; ++day) {
    windows.push_back(Window(day, begin->minute, day + next_day, end->minute));
  }
  return windows;
}

}  // namespace postern::policy

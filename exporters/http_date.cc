#include "exporters/http_date.h"

#include <algorithm>
#include <string>

#include "core/parse_number.h"

namespace postern::exporters {
namespace {

constexpr std::chrono::seconds kLongestRetryAfter = std::chrono::hours(24);

// "11"; none if there is no such month.
std::optional<std::string> MonthNumber(std::string_view name) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto at = kMonths.find(name);
  if (at == std::string_view::npos || at % 3 != 0) return std::nullopt;
  const auto number = std::to_string(at / 3 + 1);
  return number.size() == 1 ? "0" + number : number;
}

}  // namespace

std::optional<TimePoint> ParseHttpDate(std::string_view text) {
  constexpr std::string_view kForm = "Sun, 06 Nov 1994 08:49:37 GMT";
  if (text.size() != kForm.size() || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) {
    return std::nullopt;
  }
  const auto month = MonthNumber(text.substr(8, 3));
  if (!month || text[7] != ' ' || text[11] != ' ' || text[16] != ' ') return std::nullopt;
  return ParseTime(std::string(text.substr(12, 4)) + "-" + *month + "-" +
                   std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) +
                   ".000Z");
}

Duration ParseRetryAfter(std::string_view text, std::string_view date, TimePoint now) {
  constexpr auto kMost = static_cast<std::uint64_t>(kLongestRetryAfter.count());
  if (const auto seconds = ParseDecimal(text, 0, UINT64_MAX)) {
    return std::chrono::seconds(std::min(*seconds, kMost));
  }
  const auto until = ParseHttpDate(text);
  if (!until) return {};
  return std::clamp<Duration>(*until - ParseHttpDate(date).value_or(now), Duration(),
                              kLongestRetryAfter);
}

}  // namespace postern::exporters

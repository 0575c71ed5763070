#include "exporters/http_date.h"

#include <gtest/gtest.h>

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
constexpr std::string_view kDate = "Sun, 01 Mar 2026 12:00:00 GMT";

TEST(HttpDateTest, IsOfOneForm) {
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"),
            std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s);
  EXPECT_EQ(ParseHttpDate("Sun, 01 Mar 2026 00:00:00 GMT"), kNow);
  for (const auto* text : {"", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 nov 1994 08:49:37 GMT",
                           "Sun, 06 ovD 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06-Nov-1994 08:49:37 GMT",
                           "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Sun, 06 Nov 1994 08:49:37 GMT "}) {
    EXPECT_EQ(ParseHttpDate(text), std::nullopt) << text;
  }
}

TEST(RetryAfterTest, IsSecondsOrADate) {
  EXPECT_EQ(ParseRetryAfter("120", kDate, kNow), 120s);
  EXPECT_EQ(ParseRetryAfter("99999999999", kDate, kNow), 24h);
  EXPECT_EQ(ParseRetryAfter("Sun, 01 Mar 2026 12:05:00 GMT", kDate, kNow), 5min)
      << "by the clock of whoever sent it";
  EXPECT_EQ(ParseRetryAfter("Sun, 01 Mar 2026 12:05:00 GMT", "", kNow), 12h + 5min);
  EXPECT_EQ(ParseRetryAfter("Sun, 01 Mar 2026 11:00:00 GMT", kDate, kNow), 0s) << "over already";
  EXPECT_EQ(ParseRetryAfter("Fri, 31 Dec 9999 11:00:00 GMT", kDate, kNow), 24h);
  EXPECT_EQ(ParseRetryAfter("soon", kDate, kNow), 0s);
  EXPECT_EQ(ParseRetryAfter("", kDate, kNow), 0s);
}

}  // namespace
}  // namespace postern::exporters

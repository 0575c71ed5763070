#include "core/time.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

using std::chrono::sys_days;
using namespace std::chrono_literals;

TEST(Time, FormatsAsRfc3339InUtc) {
  EXPECT_EQ(FormatTime(TimePoint(0ms)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(TimePoint(1769903999123ms)), "2026-01-31T23:59:59.123Z");
  EXPECT_EQ(FormatTime(TimePoint(-1ms)), "1969-12-31T23:59:59.999Z");
}

TEST(Time, ReadsItsOwnFormAndNoOther) {
  EXPECT_EQ(ParseTime("2026-01-31T23:59:59.123Z"), TimePoint(1769903999123ms));
  EXPECT_EQ(ParseTime("1969-12-31T23:59:59.999Z"), TimePoint(-1ms));
  for (const auto* text :
       {"", "2026-01-31", "2026-01-31T23:59:59Z", "2026-01-31 23:59:59.123Z",
        "2026-01-31T24:00:00.000Z", "2026-01-31T23:60:00.000Z", "2026-02-29T00:00:00.000Z",
        "2026-01-31T23:59:59.123z", "2026-01-31T23:59:5x.123Z", "2026-01-31T23:59:59.123+"}) {
    EXPECT_FALSE(ParseTime(text)) << text;
  }
}

TEST(Time, FormatsAsMessagesHaveIt) {
  EXPECT_EQ(FormatMessageTime(*ParseTime("1994-11-06T08:49:37.999Z")), "Sun, 06 Nov 1994 08:49:37");
}

TEST(Date, RoundTrips) {
  for (const auto* text : {"1970-01-01", "2024-02-29", "2026-12-31", "9999-12-31", "0001-01-01"}) {
    ASSERT_TRUE(ParseDate(text)) << text;
    EXPECT_EQ(FormatDate(*ParseDate(text)), text);
  }
  EXPECT_EQ(*ParseDate("2026-01-31"), sys_days(std::chrono::days(20484)));
}

TEST(Date, RefusesWhatIsNoRealDate) {
  for (const auto* text :
       {"", "2026-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-1-1", "26-01-01",
        "2026/01/01", "2026-01-01 ", "2026-01-0x", "+026-01-01", "2026-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseDate(text)) << text;
  }
}

TEST(Duration, ParsesANumberAndAUnit) {
  const std::pair<std::string_view, Duration> cases[] = {
      {"0s", 0ms}, {"250ms", 250ms}, {"90s", 90s}, {"1m", 1min}, {"36h", 36h}, {"7d", 24h * 7},
  };
  for (const auto& [text, duration] : cases) EXPECT_EQ(ParseDuration(text), duration) << text;
}

TEST(Duration, RefusesOtherText) {
  for (const auto* text : {"", "5", "m", "-5m", "1.5h", "05m", "5 m", "5M", "1h30m", "5w", "3654d",
                           "99999999999999999999d", "1e3s"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
  EXPECT_TRUE(ParseDuration("3653d"));
}

TEST(Duration, FormatsWithTheLargestUnitThatDivides) {
  for (const auto* text : {"0s", "1ms", "1500ms", "90s", "5m", "23h", "1d", "365d"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
  EXPECT_EQ(FormatDuration(60s), "1m");
  EXPECT_EQ(FormatDuration(24h), "1d");
}

}  // namespace
}  // namespace postern

#include "daemon/log_sink.h"

#include <gtest/gtest.h>

namespace postern::daemon {
namespace {

const TimePoint kTime{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

TEST(LogSinkTest, LogfmtQuotesWhatNeedsIt) {
  EXPECT_EQ(LogfmtLine(kTime, LogLevel::kInfo, "posternd is ready",
                       {{"viewpoint", "public"}, {"note", ""}, {"text", "say \"hi\""}}),
            "time=2026-03-01T00:00:00.000Z level=info msg=\"posternd is ready\" viewpoint=public "
            "note=\"\" text=\"say \\\"hi\\\"\"");
}

TEST(LogSinkTest, NoValueCanFakeALineOrMoveTheCursor) {
  const auto line = LogfmtLine(kTime, LogLevel::kWarning, "name",
                               {{"name", "a\nlevel=error msg=fake\x1b[2J\xff"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.find('\xff'), std::string::npos);
}

TEST(LogSinkTest, JsonIsOneObjectALineThatMovesNoCursor) {
  EXPECT_EQ(JsonLine(kTime, LogLevel::kError, "scan failed",
                     {{"scan",
                       "top\n\xC2\x9B"
                       "2J\xFF"}}),
            "{\"time\":\"2026-03-01T00:00:00.000Z\",\"level\":\"error\",\"msg\":\"scan failed\","
            "\"scan\":\"top\\\\u{a}\\\\u{9b}2J\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace postern::daemon

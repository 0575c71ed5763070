#include "cli/progress_bar.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

using namespace std::chrono_literals;

TEST(ProgressLine, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(ProgressLine({27525, 65535, 3, 28000}, 14s, 120),
            "[==========>             ]  42% 27525/65535  2000 probes/s  3 open  0:20 left");
  EXPECT_EQ(ProgressLine({100, 65535, 0, 100}, 10s, 120),
            "[>                       ]   0% 100/65535  10 probes/s  0 open  1:49:04 left");
  EXPECT_EQ(ProgressLine({65535, 65535, 3, 65535}, 30s, 120),
            "[========================] 100% 65535/65535  2185 probes/s  3 open  0:00 left");
}

TEST(ProgressLine, HasNoTimeLeftBeforeTheFirstVerdict) {
  EXPECT_EQ(ProgressLine({0, 65535, 0, 0}, 0s, 120),
            "[>                       ]   0% 0/65535  0 probes/s  0 open");
  EXPECT_EQ(ProgressLine({}, 0s, 120), "[========================] 100% 0/0  0 probes/s  0 open");
}

TEST(ProgressLine, FitsTheTerminal) {
  EXPECT_EQ(ProgressLine({1, 2, 0, 1}, 1s, 20), "[============>      ");
}

}  // namespace
}  // namespace postern::cli

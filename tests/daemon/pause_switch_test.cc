#include "daemon/pause_switch.h"

#include <gtest/gtest.h>

#include "daemon/test_clock.h"

namespace postern::daemon {
namespace {

const TimePoint kStart{std::chrono::hours(24 * 365 * 50)};
constexpr auto kYear = std::chrono::hours(24 * 365);
const storage::Pause kPause{"alice", kStart, kStart + std::chrono::hours(2)};

class PauseSwitchTest : public testing::Test {
 protected:
  TestClock clock_{kStart};
  PauseSwitch pause_{clock_};
};

TEST_F(PauseSwitchTest, StopsWhatRunsWhenItBegins) {
  const auto running = pause_.NextPause();
  EXPECT_FALSE(running.stop_requested());
  pause_.Set(kPause);
  EXPECT_TRUE(running.stop_requested());
  EXPECT_EQ(pause_.Now(), kPause);
  EXPECT_TRUE(pause_.NextPause().stop_requested());
}

TEST_F(PauseSwitchTest, LetsRunAgainWhenItIsEnded) {
  pause_.Set(kPause);
  pause_.Set(std::nullopt);
  EXPECT_EQ(pause_.Now(), std::nullopt);
  EXPECT_FALSE(pause_.NextPause().stop_requested());
}

TEST_F(PauseSwitchTest, LetsRunAgainWhenItsTimeIsOver) {
  pause_.Set(kPause);
  clock_.Suspend(std::chrono::hours(2));
  EXPECT_EQ(pause_.Now(), std::nullopt);
  EXPECT_EQ(pause_.Left(), std::nullopt);
  const auto running = pause_.NextPause();
  EXPECT_FALSE(running.stop_requested());
  pause_.Set(storage::Pause{"bob", clock_.Now(), std::nullopt});
  EXPECT_TRUE(running.stop_requested()) << "the next one counts again";
}

TEST_F(PauseSwitchTest, AClockThatIsSetNeitherEndsNorProlongsIt) {
  pause_.Set(kPause);
  clock_.Set(kStart + kYear);
  EXPECT_EQ(pause_.Now(), kPause);
  clock_.Set(kStart - kYear);
  EXPECT_LE(*pause_.Left(), std::chrono::hours(2));
  clock_.Suspend(std::chrono::hours(2));
  EXPECT_EQ(pause_.Now(), std::nullopt);
}

TEST_F(PauseSwitchTest, OneThatWasOverBeforeItWasReadIsNone) {
  clock_.Set(kStart + std::chrono::hours(3));
  pause_.Set(kPause);
  EXPECT_EQ(pause_.Now(), std::nullopt);
}

}  // namespace
}  // namespace postern::daemon

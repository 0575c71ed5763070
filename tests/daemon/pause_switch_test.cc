#include "daemon/pause_switch.h"

#include <gtest/gtest.h>

namespace postern::daemon {
namespace {

const TimePoint kStart{std::chrono::hours(1)};
const TimePoint kEnd = kStart + std::chrono::hours(2);
const storage::Pause kPause{"alice", kStart, kEnd};

TEST(PauseSwitch, StopsWhatRunsWhenItBegins) {
  PauseSwitch pause;
  const auto running = pause.NextPause(kStart);
  EXPECT_FALSE(running.stop_requested());
  pause.Set(kPause);
  EXPECT_TRUE(running.stop_requested());
  EXPECT_EQ(pause.At(kStart), kPause);
  EXPECT_TRUE(pause.NextPause(kEnd - Duration(1)).stop_requested());
}

TEST(PauseSwitch, LetsRunAgainWhenItIsEnded) {
  PauseSwitch pause;
  pause.Set(kPause);
  pause.Set(std::nullopt);
  EXPECT_EQ(pause.At(kStart), std::nullopt);
  EXPECT_FALSE(pause.NextPause(kStart).stop_requested());
}

TEST(PauseSwitch, LetsRunAgainWhenItsTimeIsOver) {
  PauseSwitch pause;
  pause.Set(kPause);
  EXPECT_EQ(pause.At(kEnd), std::nullopt);
  const auto running = pause.NextPause(kEnd);
  EXPECT_FALSE(running.stop_requested());
  pause.Set(storage::Pause{"bob", kEnd, std::nullopt});
  EXPECT_TRUE(running.stop_requested()) << "the next one counts again";
}

}  // namespace
}  // namespace postern::daemon

#include "cli/interrupt.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

namespace postern::cli {
namespace {

// Whether `token` was stopped within a generous deadline.
bool StopsInTime(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, token, std::chrono::seconds(10), [] { return false; });
  return token.stop_requested();
}

bool Blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST(InterruptWatch, TheFirstSignalIsAStopRequest) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const InterruptWatch watch;
    EXPECT_FALSE(watch.token().stop_requested());
    ASSERT_EQ(kill(getpid(), signal), 0);
    EXPECT_TRUE(StopsInTime(watch.token()));
  }
}

// As timeout(1) does, which signals the process and then its group.
TEST(InterruptWatch, TheSameInterruptMayArriveTwice) {
  const InterruptWatch watch;
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  ASSERT_TRUE(StopsInTime(watch.token()));
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  EXPECT_TRUE(watch.token().stop_requested());
}

TEST(InterruptWatch, AskingAgainEndsTheProgram) {
  EXPECT_EXIT(
      {
        const InterruptWatch watch;
        kill(getpid(), SIGINT);
        if (!StopsInTime(watch.token())) _exit(1);
        alarm(10);
        for (;;) {
          kill(getpid(), SIGINT);
          usleep(10'000);
        }
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(InterruptWatch, LeavesTheSignalsAsTheyWere) {
  { const InterruptWatch watch; }
  EXPECT_FALSE(Blocked(SIGINT));
  EXPECT_FALSE(Blocked(SIGTERM));
}

}  // namespace
}  // namespace postern::cli

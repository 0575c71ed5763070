#include "cli/interrupt.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <optional>

namespace postern::cli {
namespace {

sigset_t EndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// timeout(1) and shells signal a process and its group: one Ctrl-C can arrive twice. Sending stops
// within this time as well, so that nobody has reason to press again sooner.
constexpr std::chrono::seconds kSameInterrupt{1};

// Waits for signals until `finished`, of which the waiting thread is told by a signal of its own.
void Watch(const std::stop_token& finished, const std::stop_source& interrupted) {
  using SteadyClock = std::chrono::steady_clock;
  const sigset_t signals = EndingSignals();
  std::optional<SteadyClock::time_point> first;
  for (;;) {
    const int signal = sigwaitinfo(&signals, nullptr);
    if (finished.stop_requested()) return;
    if (signal < 0) continue;
    const auto now = SteadyClock::now();
    if (!first) first = now;
    if (now - *first > kSameInterrupt) _exit(128 + signal);  // as a shell reports it
    interrupted.request_stop();
  }
}

}  // namespace

InterruptWatch::InterruptWatch() {
  const sigset_t signals = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &signals, &mask_before_);
  thread_ = std::jthread([interrupted = interrupted_](const std::stop_token& finished) {
    Watch(finished, interrupted);
  });
}

InterruptWatch::~InterruptWatch() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
  // What came too late for the watch asks for what is happening anyway.
  const sigset_t signals = EndingSignals();
  const timespec no_wait{};
  while (sigtimedwait(&signals, nullptr, &no_wait) > 0) {
  }
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

}  // namespace postern::cli

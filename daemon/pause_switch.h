// Whether an operator has paused all probing.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>

#include "core/time.h"
#include "storage/store.h"

namespace postern::daemon {

// The end of a pause is so far from when it was set as it was then, even if the clock is set
// meanwhile. Thread-safe.
class PauseSwitch {
 public:
  explicit PauseSwitch(const Clock& clock) : clock_(clock) {}

  // The pause in force; none from its end on.
  std::optional<storage::Pause> Now() const;
  // How long it lasts still; none if there is none, or no end.
  std::optional<Duration> Left() const;
  // None ends the pause.
  void Set(std::optional<storage::Pause> pause);
  // Asks to stop when the next pause begins, or at once during one. A pause whose time is over has
  // ended.
  std::stop_token NextPause();

 private:
  bool IsOver() const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::optional<storage::Pause> pause_;
  std::optional<Duration> end_;  // by Elapsed()
  std::stop_source begins_;
};

}  // namespace postern::daemon

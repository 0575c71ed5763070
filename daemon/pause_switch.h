// Whether an operator has paused all probing.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>

#include "core/time.h"
#include "storage/store.h"

namespace postern::daemon {

// Thread-safe.
class PauseSwitch {
 public:
  // The pause in force; none from its end on.
  std::optional<storage::Pause> At(TimePoint now) const;
  // None ends the pause.
  void Set(std::optional<storage::Pause> pause);
  // Asks to stop when the next pause begins, or at once during one. A pause whose time is over at
  // `now` has ended.
  std::stop_token NextPause(TimePoint now);

 private:
  mutable std::mutex mutex_;
  std::optional<storage::Pause> pause_;  // guarded by mutex_
  std::stop_source begins_;              // guarded by mutex_
};

}  // namespace postern::daemon

#include "daemon/pause_switch.h"

#include <utility>

namespace postern::daemon {

namespace {

bool IsOver(const storage::Pause& pause, TimePoint now) {
  return pause.until && now >= *pause.until;
}

}  // namespace

std::optional<storage::Pause> PauseSwitch::At(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return pause_ && !IsOver(*pause_, now) ? pause_ : std::nullopt;
}

void PauseSwitch::Set(std::optional<storage::Pause> pause) {
  std::stop_source begins;
  {
    const std::lock_guard lock(mutex_);
    pause_ = std::move(pause);
    if (!pause_) {
      begins_ = std::stop_source();
      return;
    }
    begins = begins_;
  }
  // Unlocked, since it calls whoever waits for it.
  begins.request_stop();
}

std::stop_token PauseSwitch::NextPause(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (pause_ && IsOver(*pause_, now)) {
    pause_.reset();
    begins_ = std::stop_source();
  }
  return begins_.get_token();
}

}  // namespace postern::daemon

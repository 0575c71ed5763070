#include "daemon/pause_switch.h"

#include <utility>

namespace postern::daemon {

std::optional<storage::Pause> PauseSwitch::At(TimePoint now) const {
  const std::lock_guard lock(mutex_);
  if (pause_ && pause_->until && now >= *pause_->until) return std::nullopt;
  return pause_;
}

void PauseSwitch::Set(std::optional<storage::Pause> pause) {
  std::stop_source begins;
  {
    const std::lock_guard lock(mutex_);
    pause_ = std::move(pause);
    if (!pause_) begins_ = std::stop_source();
    begins = begins_;
    if (!pause_) return;
  }
  begins.request_stop();
}

std::stop_token PauseSwitch::next_pause() const {
  const std::lock_guard lock(mutex_);
  return begins_.get_token();
}

}  // namespace postern::daemon

#include "daemon/pause_switch.h"

#include <utility>

#include "daemon/schedule.h"

namespace postern::daemon {

bool PauseSwitch::IsOver() const { return end_ && Elapsed(clock_) >= *end_; }

std::optional<storage::Pause> PauseSwitch::Now() const {
  const std::lock_guard lock(mutex_);
  return IsOver() ? std::nullopt : pause_;
}

std::optional<Duration> PauseSwitch::Left() const {
  const std::lock_guard lock(mutex_);
  return end_ && !IsOver() ? std::optional(*end_ - Elapsed(clock_)) : std::nullopt;
}

void PauseSwitch::Set(std::optional<storage::Pause> pause) {
  std::stop_source begins;
  {
    const std::lock_guard lock(mutex_);
    pause_ = std::move(pause);
    end_.reset();
    if (!pause_) {
      begins_ = std::stop_source();
      return;
    }
    if (pause_->until) end_ = Elapsed(clock_) + (*pause_->until - clock_.Now());
    begins = begins_;
  }
  // Unlocked, since it calls whoever waits for it.
  begins.request_stop();
}

std::stop_token PauseSwitch::NextPause() {
  const std::lock_guard lock(mutex_);
  if (IsOver()) {
    pause_.reset();
    end_.reset();
    begins_ = std::stop_source();
  }
  return begins_.get_token();
}

}  // namespace postern::daemon

// A machine whose clocks do what a test says. Monotonic time is the real one: programs wait by it.
#pragma once

#include <functional>
#include <mutex>

#include "core/time.h"

namespace postern::daemon {

// Thread-safe.
class TestClock : public Clock {
 public:
  explicit TestClock(TimePoint now) : now_(now) {}

  TimePoint Now() const override {
    const std::lock_guard lock(mutex_);
    if (on_reading_) on_reading_(now_, suspended_);
    return now_;
  }
  std::chrono::steady_clock::time_point Monotonic() const override {
    return std::chrono::steady_clock::now();
  }
  Duration Suspended() const override {
    const std::lock_guard lock(mutex_);
    return suspended_;
  }

  void Set(TimePoint now) {
    const std::lock_guard lock(mutex_);
    now_ = now;
  }
  // The wall clock goes on meanwhile.
  void Suspend(Duration length) {
    const std::lock_guard lock(mutex_);
    suspended_ += length;
    now_ += length;
  }
  // May change the wall clock and the time suspended, whenever the wall clock is read.
  void OnReading(std::function<void(TimePoint& now, Duration& suspended)> change) {
    const std::lock_guard lock(mutex_);
    on_reading_ = std::move(change);
  }

 private:
  mutable std::mutex mutex_;
  mutable TimePoint now_;                                  // guarded by mutex_
  mutable Duration suspended_{0};                          // guarded by mutex_
  std::function<void(TimePoint&, Duration&)> on_reading_;  // guarded by mutex_
};

}  // namespace postern::daemon

// Sums up what a scan's time goes to.
#pragma once

#include <array>

#include "scanner/pause.h"

namespace postern::scanner {

// Not thread-safe.
class HeldBack {
 public:
  using Time = Pause::Time;

  // From `now` on, until the next call, the scan is held back by `bound`.
  void By(ScanBound bound, Time now) {
    if (since_ != Time()) times_.at(static_cast<std::size_t>(bound_)) += now - since_;
    since_ = now;
    bound_ = bound;
  }

  // Returns the bounds that held the scan back for at least a millisecond.
  BoundTimes Times() const {
    BoundTimes times;
    for (std::size_t i = 0; i < times_.size(); ++i) {
      const auto time = std::chrono::floor<Duration>(times_.at(i));
      if (time.count() > 0) times.emplace(static_cast<ScanBound>(i), time);
    }
    return times;
  }

 private:
  static constexpr std::size_t kBounds = static_cast<std::size_t>(ScanBound::kMachine) + 1;

  std::array<Time::duration, kBounds> times_{};
  ScanBound bound_ = ScanBound::kPath;
  Time since_;
};

}  // namespace postern::scanner

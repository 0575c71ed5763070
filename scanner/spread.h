// Spreads the probes of a scan evenly over the time that it has, so that a sweep is no burst. Each
// round shares the time that is left among the probes that are left: a scan of which more was
// silent than expected gets faster, up to the caps, instead of taking longer.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scanner/scan.h"

namespace postern::scanner {

// Not thread-safe.
class Spread {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Spread(const ScanRequest& request, Time now)
      : end_(request.spread > Duration{0} ? now + request.spread : Time()) {}

  // Returns how many probes the whole scan is expected to take.
  static std::uint64_t ExpectedProbes(const ScanRequest& request) {
    if (request.expected_probes > 0) return request.expected_probes;
    return request.plan.size() * static_cast<std::uint64_t>(std::max(1, request.tries));
  }

  // A round begins. `probes`: what the rest of the scan is expected to take.
  void StartRound(std::uint64_t probes, Time now) {
    const auto left = std::max(Time::duration{0}, end_ - now);
    interval_ = left / static_cast<Time::rep>(std::max<std::uint64_t>(1, probes));
  }
  // When the next probe is due; long ago, if the scan is not spread.
  Time Next() const { return next_; }
  void Sent(Time now) {
    if (interval_ > Time::duration{0}) next_ = std::max(next_, now - kCatchUp) + interval_;
  }

 private:
  // How far a scan that was held up may run behind and still catch up.
  static constexpr std::chrono::milliseconds kCatchUp{20};

  Time end_;
  Time::duration interval_{};
  Time next_;
};

}  // namespace postern::scanner

// Spreads the probes of a scan evenly over the time that it has, so that a sweep is no burst. Each
// round shares the time that is left among the probes that are left: a scan of which more was
// silent than expected gets faster, up to the caps, instead of taking longer.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scanner/pause.h"
#include "scanner/scan.h"

namespace postern::scanner {

// Not thread-safe.
class Spread {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `request` must outlive this.
  Spread(const ScanRequest& request, Time now)
      : request_(request), end_(request.spread > Duration{0} ? now + request.spread : Time()) {}

  // A round begins, the first has number 1. `silent`: the endpoints that it is to ask again.
  void StartRound(int round, std::uint64_t silent, Time now) {
    const auto probes = round == 1 ? ExpectedProbes() : silent * TriesFrom(round);
    const auto left = std::max(Time::duration{0}, end_ - now);
    interval_ = left / static_cast<Time::rep>(std::max<std::uint64_t>(1, probes));
  }
  // Ends when the next probe is due; long ago, if the scan is not spread.
  Pause Next() const { return {next_, ScanBound::kSpread}; }
  void Sent(Time now) {
    if (interval_ > Time::duration{0}) next_ = std::max(next_, now - kCatchUp) + interval_;
  }

 private:
  // How far a scan that was held up may run behind and still catch up.
  static constexpr std::chrono::milliseconds kCatchUp{20};

  // The tries that a silent endpoint has before it in that round, as far as can be told.
  std::uint64_t TriesFrom(int round) const {
    return static_cast<std::uint64_t>(std::max(1, request_.tries - round + 1));
  }
  std::uint64_t ExpectedProbes() const {
    if (request_.expected_probes > 0) return request_.expected_probes;
    return request_.plan.size() * TriesFrom(1);
  }

  const ScanRequest& request_;
  Time end_;
  Time::duration interval_{};
  Time next_;
};

}  // namespace postern::scanner

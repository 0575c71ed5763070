#include "scanner/patience.h"

#include <algorithm>
#include <cmath>

namespace postern::scanner {
namespace {

using std::chrono::microseconds;

// Shorter than this, a pause of the scanning machine looks like a loss.
constexpr microseconds kShortestWait = std::chrono::milliseconds(100);
constexpr double kWrongVerdicts = 1e-3;
constexpr int kMostTries = 8;

}  // namespace

void RoundTrip::Add(microseconds sample) {
  if (!any_) {
    any_ = true;
    smoothed_ = sample;
    variation_ = sample / 2;
    return;
  }
  const auto difference = sample > smoothed_ ? sample - smoothed_ : smoothed_ - sample;
  variation_ = (variation_ * 3 + difference) / 4;
  smoothed_ = (smoothed_ * 7 + sample) / 8;
}

std::optional<microseconds> RoundTrip::Timeout() const {
  if (!any_) return std::nullopt;
  return smoothed_ + variation_ * 4;
}

void HostPatience::Answered(const IpAddress& host, microseconds rtt) { hosts_[host].Add(rtt); }

microseconds HostPatience::EarlyWait(const IpAddress& host) const {
  const auto known = hosts_.find(host);
  if (known == hosts_.end()) return kEarlyWait;
  return std::clamp<microseconds>(known->second.Timeout().value_or(kEarlyWait), kShortestWait,
                                  kEarlyWait);
}

int TriesFor(std::uint64_t silent, double loss, int at_least) {
  int tries = at_least;
  while (tries < kMostTries &&
         static_cast<double>(silent) * std::pow(loss, tries) >= kWrongVerdicts) {
    ++tries;
  }
  return tries;
}

}  // namespace postern::scanner

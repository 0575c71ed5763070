#include "scanner/patience.h"

#include <algorithm>
#include <cmath>

namespace postern::scanner {
namespace {

using std::chrono::microseconds;

constexpr double kWrongVerdicts = 1e-3;
constexpr int kMostTries = 8;

}  // namespace

void HostPatience::Answered(const IpAddress& host, microseconds rtt) {
  const auto [entry, is_first] = hosts_.try_emplace(host, RoundTrip{rtt, rtt / 2});
  if (is_first) return;
  auto& [smoothed, variation] = entry->second;
  variation = (variation * 3 + std::chrono::abs(rtt - smoothed)) / 4;
  smoothed = (smoothed * 7 + rtt) / 8;
}

microseconds HostPatience::EarlyWait(const IpAddress& host) const {
  const auto known = hosts_.find(host);
  if (known == hosts_.end()) return kEarlyWait;
  const auto& [smoothed, variation] = known->second;
  return std::clamp<microseconds>(smoothed + variation * 4, kShortestEarlyWait, kEarlyWait);
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

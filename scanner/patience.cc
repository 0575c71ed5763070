#include "scanner/patience.h"

#include <algorithm>
#include <cmath>

namespace postern::scanner {
namespace {

using std::chrono::microseconds;

constexpr double kWrongVerdicts = 1e-3;

microseconds Clamped(const RoundTrip& round_trip) {
  return std::clamp<microseconds>(round_trip.Timeout(), kShortestEarlyWait, kEarlyWait);
}

}  // namespace

void RoundTrip::Add(microseconds rtt) {
  variation = (variation * 3 + std::chrono::abs(rtt - smoothed)) / 4;
  smoothed = (smoothed * 7 + rtt) / 8;
}

void HostPatience::Answered(const IpAddress& host, microseconds rtt) {
  const auto [entry, is_first] = hosts_.try_emplace(host, RoundTrip::First(rtt));
  if (!is_first) entry->second.Add(rtt);
}

microseconds HostPatience::EarlyWait(const IpAddress& host) const {
  const auto known = hosts_.find(host);
  return known == hosts_.end() ? kEarlyWait : Clamped(known->second);
}

microseconds HostPatience::LongestEarlyWait() const {
  microseconds longest = hosts_.empty() ? kEarlyWait : kShortestEarlyWait;
  for (const auto& [host, round_trip] : hosts_) longest = std::max(longest, Clamped(round_trip));
  return longest;
}

bool IsMissUnlikely(std::uint64_t at_stake, double miss) {
  return static_cast<double>(at_stake) * miss < kWrongVerdicts;
}

int TriesFor(std::uint64_t at_stake, double loss, int at_least) {
  int tries = at_least;
  while (tries < kMostTries && !IsMissUnlikely(at_stake, std::pow(loss, tries))) ++tries;
  return tries;
}

}  // namespace postern::scanner

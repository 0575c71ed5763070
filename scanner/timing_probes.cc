#include "scanner/timing_probes.h"

#include <algorithm>

namespace postern::scanner {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kMostResponders = 64;
// Before the first answer, and the bounds afterwards. Shorter than the least, a pause of this
// machine looks like a loss.
constexpr microseconds kFirstTimeout = std::chrono::seconds(1);
constexpr microseconds kLeastTimeout = std::chrono::milliseconds(50);

// So many in a row are no chance: the round trip may have become longer than the timeout, which
// only an answer that is waited for can tell; so each time the timeout doubles.
constexpr int kLostAtOnce = 16;
constexpr int kMostDoublings = 5;

}  // namespace

void TimingProbes::AddResponder(const Endpoint& endpoint, bool open) {
  auto& responders = open ? open_ : closed_;
  if (responders.size() < kMostResponders) responders.push_back(endpoint);
}

std::optional<Endpoint> TimingProbes::NextResponder() {
  const auto& responders = closed_.empty() ? open_ : closed_;
  if (responders.empty()) return std::nullopt;
  return responders[next_++ % responders.size()];
}

void TimingProbes::Sent(const Endpoint& endpoint, std::uint16_t port, std::uint64_t cohort,
                        Time now) {
  outstanding_.push_back({endpoint, port, cohort, now});
}

namespace {

auto IsProbe(const Endpoint& endpoint, std::uint16_t port) {
  return [&endpoint, port](const auto& probe) {
    return probe.port == port && probe.endpoint == endpoint;
  };
}

}  // namespace

bool TimingProbes::IsOutstanding(const Endpoint& endpoint, std::uint16_t port) const {
  return std::any_of(outstanding_.begin(), outstanding_.end(), IsProbe(endpoint, port));
}

std::optional<TimingProbes::Answer> TimingProbes::Answered(const Endpoint& endpoint,
                                                           std::uint16_t port, Time arrived) {
  const auto at = std::find_if(
      outstanding_.begin(), outstanding_.end(),
      [&](const Outstanding& probe) { return probe.port == port && probe.endpoint == endpoint; });
  if (at == outstanding_.end()) return std::nullopt;
  lost_in_a_row_ = 0;
  const auto rtt = std::chrono::duration_cast<microseconds>(arrived - at->sent);
  if (round_trip_) {
    round_trip_->Add(rtt);
  } else {
    round_trip_ = RoundTrip::First(rtt);
  }
  const Answer answer{at->cohort, rtt};
  outstanding_.erase(at);
  return answer;
}

microseconds TimingProbes::Timeout() const {
  if (!round_trip_) return kFirstTimeout;
  const auto usual = std::clamp(round_trip_->Timeout() * 2, kLeastTimeout, kFirstTimeout);
  const int doublings = std::min(lost_in_a_row_ / kLostAtOnce, kMostDoublings);
  return std::min(usual * (1 << doublings), kFirstTimeout);
}

void TimingProbes::Expire(Time now, const std::function<void(std::uint64_t cohort)>& lost) {
  while (!outstanding_.empty() && outstanding_.front().sent + Timeout() <= now) {
    lost(outstanding_.front().cohort);
    outstanding_.pop_front();
    ++lost_in_a_row_;
  }
}

}  // namespace postern::scanner

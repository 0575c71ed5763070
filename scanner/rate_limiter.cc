#include "scanner/rate_limiter.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>

namespace postern::scanner {
namespace {

using Time = RateLimiter::Time;
using std::chrono::nanoseconds;

constexpr nanoseconds kSecond = std::chrono::seconds(1);
// The share of a second's packets that may leave at once. The rest of the cap is the steady rate,
// so that burst and steady rate together never exceed the cap in any second.
constexpr double kBurstShare = 0.04;
// Entries of a table before idle ones are looked for.
constexpr std::size_t kSweepAt = 1024;

nanoseconds Ceil(double seconds) {
  return nanoseconds(static_cast<nanoseconds::rep>(std::ceil(seconds * 1e9)));
}

// The generic cell rate algorithm (ITU-T I.371) in whole nanoseconds: a packet is due one interval
// after the one before, and may be early by the tolerance. The state of what is limited is a single
// time, the next packet's due time; one that is past is as good as none.
class Pace {
 public:
  explicit Pace(double rate) {
    const double burst = std::max(1.0, rate * kBurstShare);
    const double steady = burst > 1 ? rate - burst : rate;
    interval_ = Ceil(1 / steady);
    tolerance_ = nanoseconds(
        static_cast<nanoseconds::rep>((burst - 1) * static_cast<double>(interval_.count())));
  }

  Time Ready(Time due, Time now) const { return std::max(now, Bounded(due, now) - tolerance_); }
  void Take(Time& due, Time now) const { due = std::max(Bounded(due, now), now) + interval_; }

 private:
  // Bounds debts, and what a slower pace has left behind.
  Time Bounded(Time due, Time now) const {
    return std::min(due, now + tolerance_ + interval_ + kSecond);
  }

  nanoseconds interval_{};
  nanoseconds tolerance_{};
};

// Due times by address; idle ones are forgotten.
class DueTimes {
 public:
  Time& Of(const IpAddress& address, Time now) {
    if (due_.size() >= sweep_at_) {
      std::erase_if(due_, [now](const auto& entry) { return entry.second <= now; });
      sweep_at_ = std::max(kSweepAt, 2 * due_.size());
    }
    return due_[address];
  }

 private:
  std::unordered_map<IpAddress, Time> due_;
  std::size_t sweep_at_ = kSweepAt;
};

IpAddress NetworkOf(const IpAddress& address) {
  return address.Masked(address.family() == Family::kIpv4 ? 24 : 64);
}

}  // namespace

struct RateLimiter::State {
  explicit State(const RateCaps& caps)
      : hosts_are_capped(caps.host_rate < caps.rate),
        networks_are_capped(caps.network_rate < caps.rate),
        overall_pace(caps.rate),
        host_pace(caps.host_rate),
        network_pace(caps.network_rate) {}

  // A cap that is no lower than the overall one needs no counting of its own.
  void Set(const RateCaps& caps) {
    overall_pace = Pace(caps.rate);
    host_pace = Pace(caps.host_rate);
    network_pace = Pace(caps.network_rate);
    hosts_are_capped = caps.host_rate < caps.rate;
    networks_are_capped = caps.network_rate < caps.rate;
  }

  std::mutex mutex;
  // Guarded by mutex.
  bool hosts_are_capped;
  bool networks_are_capped;
  Pace overall_pace;
  Pace host_pace;
  Pace network_pace;
  Time overall;
  DueTimes hosts;
  DueTimes networks;
};

RateLimiter::RateLimiter(const RateCaps& caps) : state_(std::make_unique<State>(caps)) {}
RateLimiter::~RateLimiter() = default;

void RateLimiter::SetCaps(const RateCaps& caps) {
  const std::lock_guard lock(state_->mutex);
  state_->Set(caps);
}

Pause RateLimiter::Earliest(Time now) const {
  const std::lock_guard lock(state_->mutex);
  return {state_->overall_pace.Ready(state_->overall, now), ScanBound::kRate};
}

Pause RateLimiter::Acquire(const IpAddress& address, Time now) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  Time* const host = s.hosts_are_capped ? &s.hosts.Of(address, now) : nullptr;
  Time* const network = s.networks_are_capped ? &s.networks.Of(NetworkOf(address), now) : nullptr;
  Pause ready{s.overall_pace.Ready(s.overall, now), ScanBound::kRate};
  if (host) ready = Longest({ready, {s.host_pace.Ready(*host, now), ScanBound::kHostRate}});
  if (network) {
    ready = Longest({ready, {s.network_pace.Ready(*network, now), ScanBound::kNetworkRate}});
  }
  if (ready.until > now) return ready;
  s.overall_pace.Take(s.overall, now);
  if (host) s.host_pace.Take(*host, now);
  if (network) s.network_pace.Take(*network, now);
  return {now, ScanBound::kPath};
}

void RateLimiter::Charge(const IpAddress& address, Time now) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  s.overall_pace.Take(s.overall, now);
  if (s.hosts_are_capped) s.host_pace.Take(s.hosts.Of(address, now), now);
  if (s.networks_are_capped) s.network_pace.Take(s.networks.Of(NetworkOf(address), now), now);
}

}  // namespace postern::scanner

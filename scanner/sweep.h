// Asks addresses one by one, each by the means that fit, until they answer or all tries are silent.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <utility>
#include <vector>

#include "scanner/discover.h"
#include "scanner/discovery_paths.h"
#include "scanner/discovery_probes.h"
#include "scanner/held_back.h"
#include "scanner/permutation.h"
#include "scanner/sent_times.h"

namespace postern::scanner {

// The hosts found so far, by address.
using UpHosts = std::map<IpAddress, UpHost>;

// What a sweep works with; all of it outlives the sweep.
struct SweepTools {
  const DiscoverRequest& request;
  const DiscoveryProbes& probes;
  DiscoveryPaths& paths;
  RateLimiter& limiter;
  const std::stop_token& stop;
};

// How long answers are waited for after the last packet: more than the round trip of a satellite
// link.
inline constexpr std::chrono::milliseconds kLastWait{1000};

// Not thread-safe.
class Sweep {
 public:
  // `addresses` are disjoint. Everything that is learnt goes to `up` and `coverage`.
  Sweep(const std::vector<Prefix>& addresses, const SweepTools& tools, UpHosts& up,
        Coverage& coverage);

  // False if it was stopped.
  bool Run();
  // After Run(): the addresses whose silence proves nothing, ascending.
  std::vector<IpAddress> TakeUnknown() { return std::move(unknown_); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  // What is known of an address.
  struct State {
    bool up : 1 = false;
    bool given_up : 1 = false;  // no probe can or may reach it
    bool unsure : 1 = false;    // silence would not prove that nobody is there
    bool asked : 1 = false;     // at least one probe left
    bool on_link : 1 = false;
  };

  static ScanPlan PlanOf(const std::vector<Prefix>& addresses);
  std::optional<std::uint64_t> IndexOf(const IpAddress& address) const;
  DiscoveryProbe probe() const;
  bool Wants(std::uint64_t index) const;
  bool RunRound(int round);
  // False if stopped.
  bool Probe(std::uint64_t index);
  // Waits until the rate caps let a packet go. False if stopped.
  bool WaitForTurn(const IpAddress& target);
  void CountSent(State& state);
  void GiveUp(State& state, bool unsure);
  int Send(const DiscoveryPaths::Path& path, const IpAddress& target);
  int SendOnce(const DiscoveryPaths::Path& path, const IpAddress& target);
  void Receive(Time deadline);
  // Until then, or until nothing is left to wait for. False if stopped.
  bool ReceiveUntil(Time deadline);
  void Found(const UpHost& host, int round, Time arrived);
  void Report(Time now);
  void Conclude(bool complete);

  const SweepTools tools_;
  const ScanPlan plan_;
  const Permutation order_;
  UpHosts& up_;
  Coverage& coverage_;

  std::vector<State> states_;
  std::vector<IpAddress> unknown_;
  SentTimes sent_;
  HeldBack held_back_;
  std::uint64_t undecided_;
  int round_ = 0;
  bool stuck_ = false;  // the machine was short of buffers to the end of its patience
  Time next_report_;
};

}  // namespace postern::scanner

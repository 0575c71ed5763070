// Which endpoint to probe next: rounds over the plan in a seeded order, and the endpoints that wait
// for the rate cap of their host or network while others go first.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scanner/pause.h"
#include "scanner/permutation.h"
#include "scanner/scan.h"

namespace postern::scanner {

// Not thread-safe. Bounded memory: at most a fixed number of endpoints wait.
class ProbeQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Candidate {
    std::uint64_t index = 0;  // in the plan
    Endpoint endpoint;
  };
  struct Next {
    std::optional<Candidate> candidate;
    // Without a candidate: when there may be one; Time::max() when none is left.
    Time ask_again;
    ScanBound bound = ScanBound::kPath;  // and what holds it back until then
  };

  // `plan` must outlive the queue. `wanted` tells by index whether an endpoint still needs a try.
  ProbeQueue(const ScanPlan& plan, std::uint64_t seed, std::function<bool(std::uint64_t)> wanted);

  // Begins again at the first endpoint. Precondition: the round before has no candidate left.
  void StartRound() { position_ = 0; }
  Next Pop(Time now);
  // The candidate's host has to wait until the pause ends, and with it what else is there for that
  // host.
  void Postpone(const Candidate& candidate, const Pause& pause);
  // The candidate comes first at the next Pop.
  void PutBack(const Candidate& candidate) { first_.push_back(candidate); }

 private:
  struct Lane {
    Pause pause;
    std::deque<std::uint64_t> indices;
  };

  std::optional<Candidate> PopReadyLane(Time now);
  std::optional<Candidate> PopFresh();
  bool LookAheadIsFull() const;

  // Constant after construction.
  const ScanPlan& plan_;
  const Permutation order_;
  const std::function<bool(std::uint64_t)> wanted_;

  std::uint64_t position_ = 0;
  std::vector<Candidate> first_;
  std::unordered_map<IpAddress, Lane> lanes_;
  std::set<std::pair<Time, IpAddress>> by_time_;
  std::size_t waiting_ = 0;
};

}  // namespace postern::scanner

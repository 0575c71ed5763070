#include "scanner/probe_queue.h"

namespace postern::scanner {
namespace {

constexpr std::size_t kMostWaiting = 16384;
// Positions looked at in one Pop, so that a round with few wanted endpoints does not hold up the
// caller's other work.
constexpr int kPositionsAPop = 4096;

}  // namespace

ProbeQueue::ProbeQueue(const ScanPlan& plan, std::uint64_t seed,
                       std::function<bool(std::uint64_t)> wanted)
    : plan_(plan), order_(plan.size(), seed), wanted_(std::move(wanted)) {}

ProbeQueue::Next ProbeQueue::Pop(Time now) {
  if (!first_.empty()) {
    const Candidate candidate = first_.back();
    first_.pop_back();
    return {candidate, {}};
  }
  if (auto candidate = PopReadyLane(now)) return {candidate, {}};
  if (auto candidate = PopFresh()) return {candidate, {}};
  if (position_ < order_.size() && !LookAheadIsFull()) return {std::nullopt, now};
  if (by_time_.empty()) return {std::nullopt, Time::max()};
  const auto& [ready, address] = *by_time_.begin();
  return {std::nullopt, ready, lanes_.at(address).pause.bound};
}

std::optional<ProbeQueue::Candidate> ProbeQueue::PopReadyLane(Time now) {
  if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
  const auto address = by_time_.begin()->second;
  const auto lane = lanes_.find(address);
  const auto index = lane->second.indices.front();
  lane->second.indices.pop_front();
  --waiting_;
  if (lane->second.indices.empty()) {
    by_time_.erase(by_time_.begin());
    lanes_.erase(lane);
  }
  return Candidate{index, plan_.At(index)};
}

std::optional<ProbeQueue::Candidate> ProbeQueue::PopFresh() {
  for (int i = 0; i < kPositionsAPop && position_ < order_.size() && !LookAheadIsFull(); ++i) {
    const auto index = order_.At(position_++);
    if (!wanted_(index)) continue;
    const Candidate candidate{index, plan_.At(index)};
    const auto lane = lanes_.find(candidate.endpoint.address);
    if (lane == lanes_.end()) return candidate;
    lane->second.indices.push_back(index);
    ++waiting_;
  }
  return std::nullopt;
}

void ProbeQueue::Postpone(const Candidate& candidate, const Pause& pause) {
  const auto& address = candidate.endpoint.address;
  const auto [lane, is_new] = lanes_.try_emplace(address);
  if (!is_new) by_time_.erase({lane->second.pause.until, address});
  lane->second.pause = pause;
  lane->second.indices.push_front(candidate.index);
  by_time_.emplace(pause.until, address);
  ++waiting_;
}

bool ProbeQueue::LookAheadIsFull() const { return waiting_ >= kMostWaiting; }

}  // namespace postern::scanner

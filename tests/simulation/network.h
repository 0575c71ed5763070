// A network that answers instead of sockets: packets are lost on the way there and on the way back,
// a family may be cut off, and time is simulated.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>

#include "core/endpoint.h"
#include "core/port_states.h"

namespace postern::simulation {

class Network {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // What an endpoint answers to a SYN; none: nothing.
  using Truth = std::function<std::optional<Verdict>(const Endpoint&)>;

  // `loss`: the share of packets that is lost, each way.
  Network(double loss, std::uint64_t seed, Truth truth)
      : random_(seed), lost_(loss), truth_(std::move(truth)) {}

  // One packet there, and what comes back.
  std::optional<Verdict> Send(const Endpoint& endpoint) {
    ++sent_;
    if (lost_(random_)) return std::nullopt;
    if (cut_[static_cast<std::size_t>(endpoint.address.family())]) return std::nullopt;
    auto answer = truth_(endpoint);
    if (answer && lost_(random_)) return std::nullopt;
    return answer;
  }
  // An echo request to an address that is up; whether the reply comes back.
  bool Ping(Family family) {
    ++sent_;
    return !cut_[static_cast<std::size_t>(family)] && !lost_(random_) && !lost_(random_);
  }
  void Cut(Family family, bool cut) { cut_[static_cast<std::size_t>(family)] = cut; }
  std::uint64_t sent() const { return sent_; }

  Time now() const { return now_; }
  void AdvanceTo(Time time) { now_ = std::max(now_, time); }
  void Advance(Time::duration by) { now_ += by; }

 private:
  std::mt19937_64 random_;
  std::bernoulli_distribution lost_;
  Truth truth_;
  std::array<bool, 2> cut_{};
  std::uint64_t sent_ = 0;
  Time now_{std::chrono::hours(1)};
};

}  // namespace postern::simulation

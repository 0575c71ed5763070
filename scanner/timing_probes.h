// Probes to endpoints that are known to answer: whether they are answered tells what the path does
// to packets now, whatever the other endpoints are like.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "core/endpoint.h"
#include "scanner/patience.h"

namespace postern::scanner {

// Not thread-safe.
class TimingProbes {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // An endpoint that has just answered. Closed ones are asked before open ones, which they cost a
  // half-open connection.
  void AddResponder(const Endpoint& endpoint, bool open);
  // Whom to ask next; none while nobody has answered.
  std::optional<Endpoint> NextResponder();

  // A probe from that port is on its way there, so that the answer to another could not be told
  // from its own.
  bool IsOutstanding(const Endpoint& endpoint, std::uint16_t port) const;
  void Sent(const Endpoint& endpoint, std::uint16_t port, std::uint64_t cohort, Time now);
  struct Answer {
    std::uint64_t cohort = 0;
    std::chrono::microseconds rtt{};
  };
  // The probe that this answers; none for an answer that came too late.
  std::optional<Answer> Answered(const Endpoint& endpoint, std::uint16_t port, Time arrived);
  // Takes out the probes that are lost by `now` and tells the cohort of each.
  void Expire(Time now, const std::function<void(std::uint64_t cohort)>& lost);

 private:
  struct Outstanding {
    Endpoint endpoint;
    std::uint16_t port = 0;
    std::uint64_t cohort = 0;
    Time sent;
  };

  std::chrono::microseconds Timeout() const;

  std::vector<Endpoint> closed_;
  std::vector<Endpoint> open_;
  std::size_t next_ = 0;
  std::deque<Outstanding> outstanding_;  // by time
  std::optional<RoundTrip> round_trip_;
  int lost_in_a_row_ = 0;
};

}  // namespace postern::scanner

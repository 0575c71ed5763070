// Asks a host that sends port-unreachables for its silent endpoints, no faster than it answers.
//
// Hosts limit how many ICMP errors they send (RFC 1812, section 4.3.2.8; RFC 4443, section 2.4;
// Linux lets out one a second to each peer after a burst of six: net.ipv4.icmp_ratelimit, measured
// on 6.18). So silence proves nothing of an endpoint unless the host could have answered just then.
// The endpoints are asked in batches, one a second, and each batch ends with a witness: an endpoint
// known to be closed. A port-unreachable for whatever comes later in the batch vouches for the
// silence before it, since the limit had not been reached. A witness costs none of the host's
// answers as long as closed endpoints before it use them up. Batches grow while the witness
// answers, and shrink towards twice what was answered when it does not.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace postern::scanner {

// Pure but for the times it is given: sends nothing itself. Not thread-safe.
class UdpPacedHost {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Endpoints go by their index in the plan. `is_undecided` tells which still lack a verdict;
  // `tries` is the number of vouched silences after which there is nothing more to ask.
  UdpPacedHost(const std::vector<std::uint64_t>& endpoints, std::uint64_t witness, int tries,
               std::function<bool(std::uint64_t)> is_undecided);

  // What to send now; none before NextTime(), or when done(). The same until Sent() is told.
  std::optional<std::uint64_t> Next(Time now);
  // `wait`: how long the host's answers take at most.
  void Sent(std::uint64_t index, Time now, std::chrono::microseconds wait);
  void Unreachable(std::uint64_t index);
  Time NextTime() const { return next_; }

  // Every endpoint has a verdict, or enough silences, or is given up.
  bool done() const { return done_; }
  // Those of whom nothing can be said, since the host has stopped to send port-unreachables or is
  // no longer to be asked; ends the pacing.
  std::vector<std::uint64_t> TakeGivenUp();

 private:
  enum class Phase : std::uint8_t { kSending, kListening, kResting };
  struct Pending {
    std::uint64_t index = 0;
    int silences = 0;  // vouched
  };
  struct Asked {
    Pending endpoint;
    Time sent;
    bool answered = false;
  };

  bool BatchIsFull(Time now) const;
  void DropDecided();
  void Conclude();
  std::chrono::milliseconds Shift();
  // Whether any was vouched for.
  bool CountSilences();
  void SizeNextBatch();

  // Constant after construction.
  const std::uint64_t witness_;
  const int tries_;
  const std::function<bool(std::uint64_t)> is_undecided_;

  std::deque<Pending> pending_;
  std::vector<Asked> batch_;  // the witness last, once it is sent
  std::size_t batch_size_;    // without the witness
  Phase phase_ = Phase::kResting;
  Time next_{};
  double shift_ = 0;  // of the next pause, 0 to 1
  int barren_ = 0;    // batches in a row without any answer
  bool done_ = false;
};

}  // namespace postern::scanner

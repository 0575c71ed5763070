// How long, and how often, to ask before silence is a verdict.
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>

#include "core/ip_address.h"

namespace postern::scanner {

// The kernel sends an unanswered SYN again after this (RFC 6298, section 2.1).
inline constexpr std::chrono::seconds kKernelRetransmit{1};
// An early try is closed before that, so that it is one packet.
inline constexpr std::chrono::milliseconds kEarlyWait{950};
// And no early try waits less: shorter than this, a pause of the scanning machine looks like a
// loss.
inline constexpr std::chrono::milliseconds kShortestEarlyWait{100};
// By now the kernel has sent the SYN of a slow try again.
inline constexpr std::chrono::milliseconds kRetransmitCheck{1050};
// The last try is slow: it lives through one retransmit and ends before the second, which Linux 6.5
// and later send after 2 s (tcp_syn_linear_timeouts), earlier ones after 3 s.
inline constexpr std::chrono::milliseconds kSlowWait{1950};

// A smoothed round trip (RFC 6298, section 2).
struct RoundTrip {
  std::chrono::microseconds smoothed{};
  std::chrono::microseconds variation{};

  static RoundTrip First(std::chrono::microseconds rtt) { return {rtt, rtt / 2}; }
  void Add(std::chrono::microseconds rtt);
  // By then nearly every answer is there.
  std::chrono::microseconds Timeout() const { return smoothed + variation * 4; }
};

// The hosts that have answered so far, and how fast. Not thread-safe.
class HostPatience {
 public:
  void Answered(const IpAddress& host, std::chrono::microseconds rtt);
  // How long an early try waits: kEarlyWait, or less for a host that is known to be faster.
  std::chrono::microseconds EarlyWait(const IpAddress& host) const;
  // The same for the slowest host that has answered; kEarlyWait before the first one.
  std::chrono::microseconds LongestEarlyWait() const;

 private:
  std::unordered_map<IpAddress, RoundTrip> hosts_;
};

// More tries than this add time and traffic, hardly certainty.
inline constexpr int kMostTries = 12;

// Whether fewer than 1e-3 of `at_stake` endpoints that answer are expected to look silent because
// all that they were sent was lost, which happens to each with the probability `miss`.
bool IsMissUnlikely(std::uint64_t at_stake, double miss);

// The number of tries, at least `at_least` and at most kMostTries (or `at_least`, if that is more),
// after which that holds where each try is lost with the probability `loss`.
int TriesFor(std::uint64_t at_stake, double loss, int at_least);

}  // namespace postern::scanner

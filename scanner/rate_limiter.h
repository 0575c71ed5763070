// Rate caps that hold over any sliding second: overall, per address, and per /24 or /64. Shared by
// every scan of the program. Thread-safe; never blocks.
#pragma once

#include <chrono>
#include <memory>

#include "core/ip_address.h"
#include "scanner/pause.h"

namespace postern::scanner {

// Packets a second; positive.
struct RateCaps {
  double rate = 2000;
  double host_rate = 200;
  double network_rate = 1000;
};

class RateLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit RateLimiter(const RateCaps& caps);
  ~RateLimiter();
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  // Takes effect for what is sent from now on.
  void SetCaps(const RateCaps& caps);

  // Returns the pause after which the overall cap lets the next packet go, whatever its address;
  // one that ends `now` if at once. A scan that waits for this asks for no host in vain.
  Pause Earliest(Time now) const;
  // Takes one packet to `address` if every cap allows it at `now`, and returns a pause that ends
  // then; else takes nothing and returns when to ask again, and the cap that says so.
  Pause Acquire(const IpAddress& address, Time now);
  // Counts a packet that is sent whether we like it or not (a retransmit of the kernel's). Debts
  // are bounded by one second's worth.
  void Charge(const IpAddress& address, Time now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::scanner

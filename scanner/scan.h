// The seam between the scan engines and everything else: a request in, states and coverage out. An
// engine knows nothing of policy; it probes the endpoints it is given, no others.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/prefix.h"
#include "core/snapshot.h"

namespace postern::scanner {

// Endpoints by index, never materialised: groups of address ranges that share a set of ports.
class ScanPlan {
 public:
  // Precondition: no endpoint is added twice.
  void Add(std::vector<Prefix> addresses, PortSet ports);

  // 2^64 - 1 stands for that many or more, which no engine takes.
  std::uint64_t size() const { return size_; }
  // Precondition: i < size().
  Endpoint At(std::uint64_t i) const;

 private:
  struct Group {
    std::vector<Prefix> addresses;
    PortSet ports;
    std::uint64_t address_count = 0;
    std::uint64_t begin = 0;  // index of the group's first endpoint
  };
  std::vector<Group> groups_;
  std::uint64_t size_ = 0;
};

struct ScanProgress {
  std::uint64_t done = 0;  // endpoints with a verdict, or given up
  std::uint64_t total = 0;
  std::uint64_t open = 0;
  std::uint64_t probes_sent = 0;
};

struct ScanRequest {
  ScanPlan plan;
  int tries = 3;           // probes before silence is a verdict
  std::uint64_t seed = 0;  // of the order in which endpoints are visited
  // Steady pace of this scan in probes a second, below the caps of the rate limiter; 0: none.
  double pace = 0;
  std::optional<IpAddress> source;  // address to send from; else the kernel chooses
  std::string interface;            // to send through; empty: the kernel chooses
  // Asked before every probe, so that what has left the scope meanwhile is not probed. Called on
  // the scanning thread.
  std::function<bool(const IpAddress&)> may_probe;
  // Called on the scanning thread a few times a second; may be empty.
  std::function<void(const ScanProgress&)> on_progress;
};

struct ScanResult {
  std::vector<AddressStates> addresses;  // ascending; every endpoint of the plan, unknown included
  std::vector<Observation> open;         // the open endpoints with their RTT
  Coverage coverage;                     // blind and unresolved are the caller's to fill
};

}  // namespace postern::scanner

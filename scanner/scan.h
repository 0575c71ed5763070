// The seam between the scan engines and everything else: a request in, states and coverage out. An
// engine knows nothing of policy; it probes the endpoints it is given, no others.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/prefix.h"
#include "core/snapshot.h"
#include "scanner/port_index.h"

namespace postern::scanner {

// `count` endpoints of a plan from `first` on.
struct IndexRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

// Endpoints by index, never materialised: groups of address ranges that share a set of ports.
class ScanPlan {
 public:
  // Precondition: no endpoint is added twice.
  void Add(const std::vector<Prefix>& addresses, const PortSet& ports);

  // 2^64 - 1 stands for that many or more, which no engine takes.
  std::uint64_t size() const { return size_; }
  // Precondition: i < size().
  Endpoint At(std::uint64_t i) const;
  // The endpoints of one protocol.
  ScanPlan Only(Protocol protocol) const;
  // None for an endpoint that is not of the plan.
  std::optional<std::uint64_t> IndexOf(const Endpoint& endpoint) const;
  // The endpoints of one address.
  std::vector<IndexRange> IndicesOf(const IpAddress& address) const;
  PortSet PortsOf(const IpAddress& address) const;

 private:
  // A prefix of a group; its endpoints follow each other, address by address.
  struct Range {
    Prefix addresses;
    std::size_t group = 0;    // in groups_
    std::uint64_t begin = 0;  // index of its first endpoint
  };
  // The ranges of one prefix length, by their base address.
  struct Length {
    Family family = Family::kIpv4;
    int length = 0;
    std::unordered_multimap<IpAddress, std::size_t> ranges;  // in ranges_
  };

  const Range& RangeOf(std::uint64_t i) const;
  Length& OfLength(Family family, int length);

  struct Group {
    std::vector<Prefix> addresses;
    PortSet ports;
    PortIndex index;
  };
  std::vector<Group> groups_;
  std::vector<Range> ranges_;  // ascending by begin
  std::vector<Length> lengths_;
  std::uint64_t size_ = 0;
};

struct ScanProgress {
  std::uint64_t done = 0;  // endpoints with a verdict, or given up
  std::uint64_t total = 0;
  std::uint64_t open = 0;
  std::uint64_t probes_sent = 0;
};

// A slice of a sweep lasts so long.
inline constexpr Duration kMaxSlowHostsWait = std::chrono::minutes(15);

struct ScanRequest {
  ScanPlan plan;
  int tries = 3;  // probes before silence is a verdict
  // No endpoint is sent more probes than this, even if its silence proves nothing then; 0: as many
  // as a verdict needs.
  int max_tries = 0;
  std::uint64_t seed = 0;  // of the order in which endpoints are visited
  // Spreads the probes evenly over this time where the caps allow it; 0: as fast as they allow.
  Duration spread{};
  // That a spread scan takes; 0: all tries of every endpoint.
  std::uint64_t expected_probes = 0;
  // How long hosts that limit their replies may hold up the scan once all else is decided. What
  // they have not answered then is unknown, and they are the coverage's slow hosts.
  Duration slow_hosts_wait = kMaxSlowHostsWait;
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

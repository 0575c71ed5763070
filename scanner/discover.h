// Which addresses of given ranges somebody answers at. The cheapest question that fits goes first:
// ARP or neighbour discovery on a link, else ICMP echo, a SYN to tcp/443, an ACK to tcp/80 and an
// ICMP timestamp request. A host is up when it answered itself, whatever it said; a router's word
// about it proves nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/prefix.h"
#include "core/result.h"
#include "core/snapshot.h"
#include "scanner/discovery_probes.h"
#include "scanner/rate_limiter.h"
#include "scanner/route.h"
#include "scanner/scan.h"

namespace postern::scanner {

// A range of more addresses is not asked one by one; the policy's networks have the same limit.
inline constexpr std::uint64_t kLargestSweep = 65'536;

struct DiscoverRequest {
  std::vector<Prefix> ranges;  // asked address by address; may overlap
  // IPv6 ranges on a link of this machine, of any size up to a /64: a multicast and the table of
  // neighbours tell which of their addresses are asked. May overlap.
  std::vector<Prefix> links;
  // Addresses of `links` that are asked in any case: who was there and is silent now.
  std::vector<IpAddress> known;
  // Whether an address that a link led to is to be asked by itself; empty: each.
  std::function<bool(const IpAddress&)> wanted;
  int tries = 3;  // of each kind of probe before an address counts as silent
  // The kinds that addresses beyond a link are asked with, in this order.
  std::vector<DiscoveryProbe> probes{kDiscoveryProbes.begin(), kDiscoveryProbes.end()};
  std::uint64_t seed = 0;           // of the order in which addresses are visited
  std::optional<IpAddress> source;  // address to send from; else the kernel chooses
  std::string interface;            // to send through; empty: the kernel chooses
  // Asked before every probe. Called on the calling thread; may be empty.
  std::function<bool(const IpAddress&)> may_probe;
  // Whether a multicast may go to the link of one of `links`, where it reaches every host. Asked
  // before each; empty: no.
  std::function<bool(const Prefix&)> may_multicast;
  // Called on the calling thread a few times a second, `open` being the hosts found; may be empty.
  std::function<void(const ScanProgress&)> on_progress;
};

struct UpHost {
  IpAddress address;
  UpSign sign = UpSign::kEcho;
  std::optional<std::chrono::microseconds> rtt;  // where it is certain which probe was answered
  std::optional<LinkAddress> link_address;       // on link
};

// A range that was not looked at.
struct RefusedRange {
  Prefix range;
  std::string why;  // a sentence that names the range
};

struct DiscoverResult {
  std::vector<UpHost> up;  // ascending by address
  // What was asked address by address; disjoint, ascending. What is in it and neither up nor
  // unknown stayed silent.
  std::vector<Prefix> asked;
  // Those that this machine could not ask, or whose answers it may have missed. Ascending.
  std::vector<IpAddress> unknown;
  Coverage coverage;                  // of addresses; incomplete where a range is refused
  std::vector<RefusedRange> refused;  // in the order of the request
};

// Needs CAP_NET_RAW; the error says what to do without it. Runs on the calling thread; several may
// run at once on threads of their own. Sending stops within a second of `stop`.
Result<DiscoverResult> Discover(const DiscoverRequest& request, RateLimiter& limiter,
                                const std::stop_token& stop);

// The same without any privilege, by connections to tcp/443 and tcp/80: an open or a closed port is
// a sign of a host. Finds fewer; every one of `links` is refused.
DiscoverResult DiscoverByConnect(const DiscoverRequest& request, RateLimiter& limiter,
                                 const std::stop_token& stop);

}  // namespace postern::scanner

// Whether the ways by which a scan's probes leave are still those that it began with. While an
// interface is down, or after an address or a route has changed, replies may go astray, and silence
// says nothing of a target.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scanner/ipsec.h"
#include "scanner/route.h"

namespace postern::scanner {

// How often a scan looks. Each try waits as long for its answer at least once (RFC 6298), so that a
// change between two looks cannot make all tries of an endpoint silent.
inline constexpr std::chrono::seconds kLookAtRoutesEvery{1};

// Where packets to a target went after they had left the IP layer.
enum class NextHop : std::uint8_t {
  kFound,
  kGatewayLost,  // the gateway does not answer ARP or neighbour discovery, or did not for a while
  kForbidden,    // IPsec of this machine drops them
  kNobody,       // the target is on link and does not answer ARP or neighbour discovery
};

// Not thread-safe. `routes` must outlive it.
class RouteWatch {
 public:
  // `source` and `interface` (index; 0: any) are the operator's wish.
  RouteWatch(Routes& routes, std::optional<IpAddress> source, int interface)
      : routes_(routes), source_(source), interface_(interface) {}

  // `target` is reached by `route`, now and later.
  void Add(const IpAddress& target, const Route& route);

  // Why replies may no longer come in: an errno name if an interface in use went down or away,
  // "route-changed" if the kernel now has another way or source address.
  std::optional<std::string> Broken();

  // The next hop of each of `targets`, as it is now; a gateway counts as lost for good once
  // Broken() has found it without a link-layer address.
  std::vector<NextHop> NextHopsOf(std::span<const IpAddress> targets);

 private:
  struct InUse {
    IpAddress target;
    Route route;
  };
  using Gateway = std::pair<int, IpAddress>;  // interface and address

  void LookAt(const Route& route);
  NextHop NextHopOf(const IpAddress& target, const Route& route);

  Routes& routes_;
  const std::optional<IpAddress> source_;
  const int interface_;
  std::vector<InUse> in_use_;    // each route once
  std::set<Gateway> resolving_;  // at the last look
  std::set<Gateway> lost_;
  const std::uint64_t ipsec_drops_ = CountIpsecDrops();
};

// The same for an engine that leaves routing to the kernel: finds the way to each target that it
// meets. Not thread-safe.
class TargetWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `interface`: a name, empty for any.
  TargetWatch(const std::optional<IpAddress>& source, const std::string& interface);

  // A probe to `target` leaves now.
  void Meet(const IpAddress& target);
  // As RouteWatch has it, looked at every kLookAtRoutesEvery.
  std::optional<std::string> Broken(Time now);
  RouteWatch& routes() { return watch_; }

 private:
  void Watch(const IpAddress& target);

  const std::optional<IpAddress> source_;
  const int interface_;
  Routes routes_;
  RouteWatch watch_;
  // By the first address of a block: whether its addresses differ in their ways.
  std::unordered_map<IpAddress, bool> blocks_;
  std::set<IpAddress> met_;  // of the blocks where they do
  Time next_look_;
};

}  // namespace postern::scanner

// The stage `discover`: which addresses it asks, and what its hosts are asked then.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "core/discovery.h"
#include "core/finding.h"
#include "daemon/targets.h"
#include "drift/unlisted_hosts.h"
#include "policy/policy.h"
#include "scanner/discover.h"
#include "storage/store.h"

namespace postern::daemon {

// The networks whose unlisted hosts are wanted, as far as `viewpoint` may probe them, without the
// addresses of `listed`. On links the hosts of unresolved `findings` are asked in any case. Both
// outlive the request; seed, may_probe and may_multicast are the caller's to fill.
scanner::DiscoverRequest DiscoveryOf(const policy::Policy& policy, std::string_view viewpoint,
                                     const std::set<IpAddress>& listed,
                                     std::span<const Finding> findings);

struct Sighting {
  Discovery discovery;  // without listed addresses
  Coverage coverage;
  std::vector<scanner::RefusedRange> refused;
};

// With raw packets where this process may send them, else by connections.
Sighting LookForHosts(const scanner::DiscoverRequest& request, const std::set<IpAddress>& listed,
                      scanner::RateLimiter& limiter, const std::stop_token& stop);

struct AnsweringTargets {
  std::vector<Target> list;  // who answers, and who could not be asked
  Coverage coverage;         // of the question
};

// Which of the targets are up (`assume_up: false`).
AnsweringTargets LookForTargets(const std::vector<Target>& targets, std::uint64_t seed,
                                const std::function<bool(const IpAddress&)>& may_probe,
                                scanner::RateLimiter& limiter, const std::stop_token& stop);

// Adds `ports` of each unlisted host to the plan.
void AddUnlisted(std::span<const drift::UnlistedHosts> unlisted, const PortSet& ports,
                 scanner::ScanPlan& plan);

// Endpoints of the policy's hosts that were open when last seen, a few of each family: that they
// answer vouches for the path where all that the sweep itself meets is silence.
scanner::ScanPlan WitnessesOf(std::span<const AddressStates> known);

}  // namespace postern::daemon

// Live hosts in the policy's networks that no entry names, and the life of their findings. Pure
// functions over what a discovery learnt.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "core/discovery.h"
#include "core/drift.h"
#include "core/finding.h"
#include "core/snapshot.h"
#include "policy/policy.h"

namespace postern::drift {

// What answers in one network and is of no host of the policy. Points into policy and discovery.
struct UnlistedHosts {
  const policy::Network* network = nullptr;
  std::vector<const LiveAddress*> hosts;  // each a host of its own
  // More than half of the network's addresses that were asked, all answering in one way: a proxy or
  // a firewall answers in their place. Not in `hosts`. Empty where there is no such group.
  std::vector<const LiveAddress*> alike;
};

// In the order of the policy's networks, those with anything unlisted. `listed` are the addresses
// that names have led to; those that the policy lists itself need not be in it.
std::vector<UnlistedHosts> FindUnlisted(const policy::Policy& policy, std::string_view viewpoint,
                                        const std::set<IpAddress>& listed,
                                        const Discovery& discovery);

// unlisted_host: one for each host with its open ports, one for each network that answers alike.
// `seen` are the run's snapshots of the hosts, ascending.
std::vector<Drift> UnlistedDrift(std::span<const UnlistedHosts> unlisted,
                                 std::span<const AddressStates> seen);

// How an unlisted_host finding ends without a probe: withdrawn where it left the scope, policy
// where an entry names it now or its network no longer asks for it. None while the policy still
// does.
std::optional<Resolution> EndOfUnlisted(const Drift& drift, const policy::Policy& policy,
                                        std::string_view viewpoint,
                                        const std::set<IpAddress>& listed);

// Returns whether the discovery is evidence that a network no longer answers alike, whatever the
// unknown addresses may hide. False for an unlisted_host of one address: its silence proves
// nothing.
bool AnswersNoLongerAlike(const Drift& drift, const policy::Policy& policy,
                          const Discovery& discovery);
// Returns whether the discovery asked the address of an unlisted_host and met certain silence.
bool IsSilent(const Drift& drift, const Discovery& discovery);

// Whether `whole`, a network that answers alike, stands for `drift`, one of its addresses.
bool StandsFor(const Drift& whole, const Drift& drift);

}  // namespace postern::drift

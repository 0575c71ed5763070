// What the stage `discover` asks and what it finds: hosts in the policy's networks that no entry of
// the policy names. Pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/targets.h"
#include "policy/policy.h"
#include "scanner/discover.h"

namespace postern::daemon {

// The networks whose unlisted hosts are wanted, as far as `viewpoint` may probe them. A network too
// large to sweep is asked for as a whole, by multicast only where all of it may be probed. `policy`
// outlives the request; seed, source, interface, may_probe and progress are the caller's to fill.
scanner::DiscoverRequest DiscoveryOf(const policy::Policy& policy, std::string_view viewpoint);

struct UnlistedHost {
  scanner::UpHost host;
  const policy::Network* network = nullptr;  // the narrowest that holds it; owned by the policy
};

// Those of `up` that are in such a network and are neither an address of a named host nor one that
// its name has just led to. While names are unresolved (Targets::unresolved), any of them may be
// the host of such a name.
std::vector<UnlistedHost> FindUnlisted(const policy::Policy& policy, const Targets& targets,
                                       const std::vector<scanner::UpHost>& up);

}  // namespace postern::daemon

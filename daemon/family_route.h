// Whether this machine can send to a family at all.
#pragma once

#include <string>

#include "core/snapshot.h"

namespace postern::daemon {

// Whether the run asked addresses of `family`, has no verdict on any of them, and the kernel has no
// route to them, or none from an address that can be answered to.
bool LacksRoute(const Snapshot& snapshot, Family family);

// Says so in the log, with the key of the policy that settles it.
void LogLackOfRoute(Family family, const std::string& viewpoint);

}  // namespace postern::daemon

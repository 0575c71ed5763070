// Which addresses of the policy's networks a viewpoint looks at for unlisted hosts. Pure functions.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace postern::policy {

// A network of more addresses is not asked one by one: at the default rate a sweep of so many,
// silent ones, takes seven minutes.
inline constexpr std::uint64_t kLargestSweep = 65'536;

// The narrowest network that holds `address`, if its unlisted hosts are wanted; else null.
const Network* ReportedNetworkOf(const Policy& policy, const IpAddress& address);
// The network with this very range, if its unlisted hosts are wanted; else null.
const Network* FindReportedNetwork(const Policy& policy, std::string_view range);

// Whether `viewpoint` may probe every address of `range`.
bool MayProbeAll(const Policy& policy, std::string_view viewpoint, const Prefix& range);
// The parts of `network` that `viewpoint` may probe and no narrower network holds, without the
// addresses of `left_out`. Disjoint.
std::vector<Prefix> SweptParts(const Policy& policy, std::string_view viewpoint,
                               const Network& network, const std::set<IpAddress>& left_out);
// Whether there is any such part.
bool IsSwept(const Policy& policy, std::string_view viewpoint, const Network& network);

}  // namespace postern::policy

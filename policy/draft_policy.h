// A first policy from what a scan saw, for people to review: `postern init`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/observed_scan.h"
#include "core/result.h"

namespace postern::policy {

struct DraftPolicy {
  std::string yaml;
  std::size_t hosts = 0;
  std::size_t roles = 0;
  std::vector<IpAddress> left_out;  // nothing is known of them, or a policy cannot name them
};

// What was open must be open, over the families that it was open over; everything else must not be.
// Hosts where the same is open share a role. An IPv4 and an IPv6 address that alone have a name are
// one host. The scope is the observed addresses and nothing else. The same scan gives the same
// text, and judged by it shows no drift. `source` is named in the text, for example "before.xml".
// Fails if nothing is known of any address, or if they are too many for a policy.
Result<DraftPolicy> DraftPolicyOf(const ObservedScan& scan, const std::string& source);

}  // namespace postern::policy

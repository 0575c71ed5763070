// The TARGET arguments of `postern scan` as addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/prefix.h"
#include "core/result.h"
#include "policy/policy.h"
#include "scanner/resolve.h"

namespace postern::cli {

struct ScanTargets {
  std::vector<Prefix> prefixes;  // disjoint, ascending
  std::vector<Prefix> links;     // larger IPv6 ranges, whose hosts are to be found on their link
  // Of addresses that a name led to: DNS names, or hosts of the policy.
  std::map<IpAddress, std::vector<std::string>> names;
  std::vector<scanner::Resolved> unresolved;  // names without a full answer, with the reason
};

// What the addresses are scanned with, and where they may lie.
struct TargetLimits {
  std::size_t ports = 0;                   // of each address; for the count in an error
  const policy::Policy* policy = nullptr;  // null: the arguments are the scope
  std::string_view viewpoint = {};         // narrows the policy's scope; may be empty
  bool discover = false;                   // an IPv6 range up to a /64 may be a link
};

using Resolver = std::function<std::vector<scanner::Resolved>(const std::vector<std::string>&)>;

// A range of more addresses than this is refused, but for links.
inline constexpr std::uint64_t kMostAddressesInRange = 65'536;

// Each argument is an address, a CIDR prefix, the name of a host of the policy, or a DNS name, of
// which every address is meant. Fails on what is none of these, on a range that is too large, and
// on any address outside the policy's scope.
Result<ScanTargets> FindScanTargets(const std::vector<std::string>& arguments,
                                    const TargetLimits& limits, const Resolver& resolver);

}  // namespace postern::cli

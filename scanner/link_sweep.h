// Finds the hosts of an IPv6 range on a link of this machine without asking each address: an echo
// request to all nodes, and the kernel's table of neighbours.
#pragma once

#include <set>
#include <string>

#include "scanner/sweep.h"

namespace postern::scanner {

// "2001:db8::/64 holds 2^64 addresses, which is too many to ask one by one (at most 65536)"
std::string TooLargeText(const Prefix& range);

struct LinkSweepResult {
  // Addresses of the range that somebody may be at; those that answered are in `up` as well.
  std::set<IpAddress> candidates;
  std::string refused;    // why the range was not looked at, a sentence; empty where it was
  bool complete = false;  // not stopped, every packet left and every neighbour told
};

// Takes about one second for each try. What answers goes to `up`, what was sent to `coverage`.
LinkSweepResult SweepLink(const Prefix& range, const SweepTools& tools, UpHosts& up,
                          Coverage& coverage);

}  // namespace postern::scanner

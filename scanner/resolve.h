// Names to addresses, by c-ares: a dead server delays no one else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ip_address.h"
#include "core/time.h"

namespace postern::scanner {

struct Resolved {
  std::string name;
  std::vector<IpAddress> addresses;  // every A and AAAA answer, ascending
  std::string error;                 // why there are none (NXDOMAIN, timeout ...); empty on success
};

// The hosts file goes first; a name in it is not asked of DNS, for either family. A name with a dot
// is absolute, one without is searched in resolv.conf's domains.
//
// In the order of `names`; blocks for at most `deadline`. A family that fails while the other
// answers is an error too: half an answer would hide half a host; the addresses found are kept.
// `servers`, comma-separated addresses with optional ports, take the place of resolv.conf's.
std::vector<Resolved> Resolve(const std::vector<std::string>& names, Duration deadline,
                              const std::string& servers = {});

}  // namespace postern::scanner

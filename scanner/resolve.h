// Names to addresses, by c-ares: a dead server delays no one else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ip_address.h"
#include "core/time.h"

namespace postern::scanner {

struct Resolved {
  std::string name;
  std::vector<IpAddress> addresses = {};  // every A and AAAA answer, ascending
  // Why the answer is not full ("NXDOMAIN", "timeout"); empty on success.
  std::string error = {};
  // With an error: the one family that gave no answer. None: neither did.
  std::optional<Family> failed = {};
  std::vector<IpAddress> own = {};  // of `addresses`, those of this machine

  bool Failed(Family family) const { return !error.empty() && failed.value_or(family) == family; }
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

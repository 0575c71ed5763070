// Where packets to an address leave this machine: what addresses share when one of them can vouch
// for the path to another.
#pragma once

#include <compare>
#include <map>
#include <optional>

#include "core/ip_address.h"

namespace postern {

struct FirstHop {
  int interface = 0;                      // index
  std::optional<IpAddress> gateway = {};  // none: the address is on a link of this machine
  bool local = false;                     // an address of this machine itself

  auto operator<=>(const FirstHop&) const = default;
};

// An address without a route has no entry.
using FirstHops = std::map<IpAddress, FirstHop>;

}  // namespace postern

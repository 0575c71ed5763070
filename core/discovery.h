// What one discovery learnt: at which addresses somebody answers. Plain values.
#pragma once

#include <string>
#include <vector>

#include "core/ip_address.h"
#include "core/port_state.h"
#include "core/prefix.h"

namespace postern {

struct LiveAddress {
  IpAddress address;
  Reason sign;            // what the address answered
  std::string responder;  // the link-layer address that answered for it; empty beyond the link
  bool local = false;     // of this machine, so that it says nothing of any path

  bool operator==(const LiveAddress&) const = default;
};

struct Discovery {
  std::vector<LiveAddress> up;  // ascending by address
  // Could not be asked, or their answer may have been missed. Ascending.
  std::vector<IpAddress> unknown;
  // What was asked address by address; disjoint, ascending. What is in it and neither up nor
  // unknown stayed silent.
  std::vector<Prefix> asked;

  // Each in O(log n).
  const LiveAddress* FindUp(const IpAddress& address) const;  // null if it is not up
  bool IsUnknown(const IpAddress& address) const;
  bool Asked(const IpAddress& address) const;
};

}  // namespace postern

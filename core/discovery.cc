#include "core/discovery.h"

#include <algorithm>

namespace postern {

const LiveAddress* Discovery::FindUp(const IpAddress& address) const {
  const auto at = std::ranges::lower_bound(up, address, {}, &LiveAddress::address);
  return at != up.end() && at->address == address ? &*at : nullptr;
}

bool Discovery::IsUnknown(const IpAddress& address) const {
  return std::ranges::binary_search(unknown, address);
}

bool Discovery::Asked(const IpAddress& address) const {
  const auto after = std::ranges::upper_bound(asked, address, {}, &Prefix::base);
  return after != asked.begin() && std::prev(after)->Contains(address);
}

}  // namespace postern

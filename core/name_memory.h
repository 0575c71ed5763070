// What DNS names led to before. Values; the store keeps them, drift/name_drift.h compares by them.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

#include "core/ip_address.h"
#include "core/time.h"

namespace postern {

// Of one name: when each address was last in an answer, to kNameMemoryStep.
using LastSeen = std::map<IpAddress, TimePoint>;
using NameMemory = std::map<std::string, LastSeen>;

// semantics, dns_changed: an address is new again once the name has answered without it for so
// long.
inline constexpr Duration kAddressMemory = std::chrono::hours(24 * 30);
// A later sight of an address is kept only if it is so much later: names are resolved every minute,
// and a run in which nothing changed shall write next to nothing.
inline constexpr Duration kNameMemoryStep = std::chrono::hours(1);
// So many addresses of a name are remembered, those seen last: an answer holds up to some 4,000.
inline constexpr std::size_t kMostRememberedAddresses = 1000;

}  // namespace postern

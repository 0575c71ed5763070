// Packets that IPsec of this machine drops without a word: where a policy demands protection and no
// key has been agreed on, every send succeeds and nothing leaves.
#pragma once

#include <cstdint>
#include <optional>

#include "core/ip_address.h"

namespace postern::scanner {

// Returns how many packets IPsec has dropped on their way out, since the machine has run; 0 where
// the kernel does not count them. Thread-safe.
std::uint64_t CountIpsecDrops();

// Returns whether IPsec drops what is sent to the target now; sends nothing. Traffic of others that
// is dropped at the same moment makes it true as well.
bool IsDroppedByIpsec(const IpAddress& target, const std::optional<IpAddress>& source);

}  // namespace postern::scanner

// The addresses of this machine's interfaces.
#pragma once

#include <array>
#include <vector>

#include "core/ip_address.h"

namespace postern::scanner {

// Ascending, each once. Empty where the kernel does not tell.
std::vector<IpAddress> OwnAddresses();

// Per family: whether one of `own` can be answered to from beyond its link. A link-local source
// never is (RFC 4291, section 2.5.6; RFC 3927, section 2.7), so that silence, or a router's word
// that the destination is beyond the scope of the source, would be no verdict on a target.
std::array<bool, 2> AnswerableFamilies(const std::vector<IpAddress>& own);

}  // namespace postern::scanner

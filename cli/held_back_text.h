// What `postern scan` says of what held it back.
#pragma once

#include <string>
#include <vector>

#include "core/ip_address.h"
#include "core/scan_bound.h"
#include "scanner/rate_limiter.h"

namespace postern::cli {

// Names what the scan's time went to, the longest first, caps as the options that raise them:
// "held back by --host-rate 200 (98 % of its time)". Empty for a scan of less than a second.
std::string HeldBackText(const BoundTimes& held_back, const scanner::RateCaps& caps);

// Says of which hosts endpoints are unknown because they limit their replies.
std::vector<std::string> SlowHostLines(const std::vector<IpAddress>& hosts);

}  // namespace postern::cli

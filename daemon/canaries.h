// The canaries: endpoints whose state is certain, read to learn whether this viewpoint can see.
#pragma once

#include <set>
#include <span>
#include <stop_token>
#include <vector>

#include "drift/viewpoint_trust.h"
#include "policy/config.h"
#include "scanner/rate_limiter.h"
#include "scanner/scan.h"

namespace postern::daemon {

struct CanaryLook {
  std::vector<drift::CanaryReading> readings;
  Coverage coverage;
};

// Where they stand. They belong to somebody who is known, so that none is an unlisted host.
std::set<IpAddress> CanaryAddresses(std::span<const policy::Canary> canaries);

// One reading of each; a canary that could not be probed reads as unknown.
CanaryLook ReadCanaries(std::span<const policy::Canary> canaries, scanner::RateLimiter& limiter,
                        const std::function<bool(const IpAddress&)>& may_probe,
                        const std::stop_token& stop);

}  // namespace postern::daemon

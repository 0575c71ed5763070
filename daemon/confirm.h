// The second look at endpoints that the policy does not allow to be open.
#pragma once

#include <set>
#include <span>
#include <stop_token>

#include "core/drift.h"
#include "scanner/rate_limiter.h"
#include "scanner/scan.h"

namespace postern::daemon {

// Asks again at least 1 s after `drifts` were observed, `methods` - 1 times, and returns the
// endpoints that were open every time: TCP ones by a connection of the kernel's from a new source
// port, UDP ones by a second exchange with a new id. Only unexpected_open drifts are looked at.
std::set<Endpoint> ConfirmOpen(std::span<const Drift> drifts, int methods,
                               scanner::RateLimiter& limiter,
                               const std::function<bool(const IpAddress&)>& may_probe,
                               const std::stop_token& stop);

}  // namespace postern::daemon

// The SYN method: packets of our own instead of the kernel's connections. Fast, since nothing is
// kept for a probe but a byte for its endpoint, and exact, since every reply proves itself and
// silence is asked again as often as the measured loss demands.
#pragma once

#include <stop_token>

#include "scanner/rate_limiter.h"
#include "scanner/scan.h"

namespace postern::scanner {

// Whether this process may use raw sockets (CAP_NET_RAW).
bool MaySendRaw();

// Probes every TCP endpoint of the plan (UDP ones stay unknown) and returns when each has a verdict
// or `stop` was requested; sending stops within a second of that. Runs on the calling thread;
// several may run at once on threads of their own. The rate adapts to what the path carries, below
// the caps. Replies lost on this machine and an interface that goes down leave endpoints unknown.
ScanResult SynScan(const ScanRequest& request, RateLimiter& limiter, const std::stop_token& stop);

}  // namespace postern::scanner

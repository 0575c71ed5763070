// The connect method: TCP handshakes by the kernel, for use without CAP_NET_RAW and as the second
// method that confirms an open port.
#pragma once

#include <stop_token>

#include "scanner/rate_limiter.h"
#include "scanner/scan.h"

namespace postern::scanner {

// Probes every TCP endpoint of the plan (UDP ones stay unknown) and returns when each has a verdict
// or `stop` was requested; sending stops within a second of that. Runs on the calling thread;
// several may run at once on threads of their own. Never a verdict from our own limits: an error of
// connect(2) itself is retried or leaves the endpoint unknown. An endpoint costs four bytes of
// memory while the scan runs.
ScanResult ConnectScan(const ScanRequest& request, RateLimiter& limiter, std::stop_token stop);

}  // namespace postern::scanner

// The scan methods over a simulated network: what decides how often silence is asked again is the
// scanner's own (ProbeQueue, ScanRecord, SynRounds, TimingProbes, SendRate, AnswerLimits,
// HostPatience, RateLimiter, TriesFor); here are only the packets and the clock.
#pragma once

#include "scanner/rate_limiter.h"
#include "scanner/scan.h"
#include "simulation/network.h"

namespace postern::simulation {

scanner::ScanResult SynScan(const scanner::ScanRequest& request, scanner::RateLimiter& limiter,
                            Network& network);
// As ConnectScan: each early try is one packet, the last one lives through one retransmit.
scanner::ScanResult ConnectScan(const scanner::ScanRequest& request, scanner::RateLimiter& limiter,
                                Network& network);

}  // namespace postern::simulation

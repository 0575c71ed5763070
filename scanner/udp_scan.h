// The UDP method: payloads that the port's usual service answers, and the ICMP errors of the ports
// that have none. Plain sockets, so that no privilege is needed.
#pragma once

#include <stop_token>

#include "scanner/rate_limiter.h"
#include "scanner/scan.h"

namespace postern::scanner {

// Probes every UDP endpoint of the plan (TCP ones stay unknown) and returns when each has a verdict
// or `stop` was requested; sending stops within a second of that. Runs on the calling thread;
// several may run at once on threads of their own. Never a verdict from our own limits: what this
// machine refuses to send is retried or leaves the endpoint unknown.
//
// Any datagram from the endpoint itself means open; one from another port of its host only if it
// answers a probe whose protocol does that (TFTP). An ICMP error counts if what it quotes is what
// was sent. A host that sends port-unreachables is asked no faster than it does (UdpPacedHost), so
// that silence is a verdict only where the host could have answered; if it stops to send them, its
// endpoints that are still silent are unknown. A host with thousands of closed ports thus takes as
// many seconds; the open ones are known after the first round.
//
// Precondition: the plan's size is one that a vector of 8 bytes for each can have.
ScanResult UdpScan(const ScanRequest& request, RateLimiter& limiter, std::stop_token stop);

}  // namespace postern::scanner

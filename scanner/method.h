// How endpoints are asked: the one entry to the engines.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include "scanner/rate_limiter.h"
#include "scanner/scan.h"

namespace postern::scanner {

// Of TCP endpoints. UDP ones are sent their protocol's request, whatever the method.
enum class Method : std::uint8_t {
  kAuto,  // SYN where this process may use raw sockets, else connect
  kSyn,
  kConnect,
};

// "auto", "syn", "connect".
std::optional<Method> ParseMethod(std::string_view text);

// Whether TCP endpoints are asked by SYN here and now.
bool UsesSyn(Method method);

// Probes every endpoint of the plan; TCP before UDP. What could be sent to from a link-local
// address only, though it lies beyond the link, is not probed. What
// SynScan, ConnectScan and UdpScan say of threads, `stop` and limits holds here.
ScanResult Scan(const ScanRequest& request, Method method, RateLimiter& limiter,
                const std::stop_token& stop);

}  // namespace postern::scanner

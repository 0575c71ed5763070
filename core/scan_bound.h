// What bounds the speed of a scan: at any time one of these holds it back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "core/time.h"

namespace postern {

enum class ScanBound : std::uint8_t {
  kRate,         // the cap `rate`
  kHostRate,     // the cap `host_rate` of the addresses that are left to ask
  kNetworkRate,  // the cap `network_rate` of the networks that are left to ask
  kSpread,       // a sweep is spread over its period
  kPath,         // what the path, or this machine, carries
  kReplyLimit,   // hosts that limit how many replies they send
  kSilence,      // the wait for replies, and before silence is asked again
  kMachine,      // buffers or descriptors of this machine ran out
};

// "rate", "host_rate", "network_rate", "spread", "path", "reply_limit", "silence", "machine".
std::string_view ToString(ScanBound bound);
std::optional<ScanBound> ParseScanBound(std::string_view text);

// The time that each held a scan back.
using BoundTimes = std::map<ScanBound, Duration>;

}  // namespace postern

// What answers say of a UDP endpoint. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "core/port_states.h"
#include "scanner/error_queue.h"

namespace postern::scanner {

// RFC 1122, section 4.1.3.1, and RFC 4443, section 3.1: a host without a service on the port sends
// port-unreachable; from anybody else it means that the packet was refused on the way, as do the
// other unreachables and an expired time. None for errors that say nothing of the endpoint (a
// datagram too big, a malformed header).
std::optional<Verdict> UdpVerdict(const QueuedError& error, const IpAddress& target);

// What is known of an endpoint, weakest first: the order of replies decides nothing.
enum class UdpRank : std::uint8_t { kNothing, kUnreachable, kFiltered, kClosed, kOpen };

UdpRank RankOf(const Verdict& verdict);

}  // namespace postern::scanner

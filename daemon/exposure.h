// The known exposure in numbers, for the metrics.
#pragma once

#include <span>

#include "core/finding.h"
#include "core/port_set.h"
#include "daemon/targets.h"
#include "drift/judged_address.h"
#include "exporters/metrics.h"

namespace postern::daemon {

// `asked` is what the scans ask of each address, of the same indices: what of it is not known
// counts as unknown.
exporters::EndpointCounts CountEndpoints(std::span<const drift::JudgedAddress> addresses,
                                         std::span<const PortSet> asked);
// Adds what lies behind names that gave no answer (Targets::unanswered): all of it is unknown.
// `asked` is what the scans ask there, of the same indices.
void AddUnanswered(std::span<const Target> unanswered, std::span<const PortSet> asked,
                   exporters::EndpointCounts& counts);
// A host counts once, whatever its number of addresses. Its addresses must be adjacent. One of
// which a name gave no answer is unknown unless something of it answers. Unlisted hosts are those
// of unresolved findings.
exporters::HostCounts CountHosts(std::span<const drift::JudgedAddress> addresses,
                                 std::span<const Target> unanswered,
                                 std::span<const Finding> findings);

}  // namespace postern::daemon

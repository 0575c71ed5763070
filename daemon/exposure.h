// The known exposure in numbers, for the metrics.
#pragma once

#include <span>

#include "core/finding.h"
#include "core/port_set.h"
#include "drift/judged_address.h"
#include "exporters/metrics.h"

namespace postern::daemon {

// `asked` is what the scans ask of each address, of the same indices: what of it is not known
// counts as unknown.
exporters::EndpointCounts CountEndpoints(std::span<const drift::JudgedAddress> addresses,
                                         std::span<const PortSet> asked);
// A host counts once, whatever its number of addresses. Its addresses must be adjacent. Unlisted
// hosts are those of unresolved findings.
exporters::HostCounts CountHosts(std::span<const drift::JudgedAddress> addresses,
                                 std::span<const Finding> findings);

}  // namespace postern::daemon

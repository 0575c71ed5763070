// What a scan may conclude from silence where packets found no next hop.
#pragma once

#include "scanner/route_watch.h"
#include "scanner/scan_record.h"

namespace postern::scanner {

// Goes through the endpoints that are silent at the end of a scan: behind a gateway without a
// link-layer address, and where IPsec drops what is sent, they are unknown, since nothing left this
// machine; for an
// address on link that nobody answers for, that is the reason of their silence.
void ExplainSilence(RouteWatch& watch, ScanRecord& record);

}  // namespace postern::scanner

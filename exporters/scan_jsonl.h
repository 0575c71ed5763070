// `postern scan --format jsonl`: one JSON object a line. For each address, in ascending order, one
// object for every open endpoint and every one that is not in the address's most common state, then
// one for the address; at the end one for the scan:
//
//   {"type":"endpoint","address":"192.0.2.10","protocol":"tcp","port":22,"state":"open",
//    "reason":"syn-ack","rtt_ms":20.1,"ttl":64}
//   {"type":"host","address":"192.0.2.10","asked":"tcp/1-65535","states":{"open":3,"closed":65532}}
//   {"type":"summary",...,"complete":true}
//
// The asked endpoints that have no object of their own are all in one state, the most common one of
// the address. Unknown is a state like any other here: it is never left to be read as closed.
#pragma once

#include <string>

#include "exporters/scan_report.h"

namespace postern::exporters {

std::string FormatScanJsonLines(const ScanReport& report);

}  // namespace postern::exporters

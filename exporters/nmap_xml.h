// `postern scan --format nmap-xml`: nmap's XML output format (xmloutputversion 1.05), valid by the
// nmap.dtd that nmap installs and read by ndiff. What differs from nmap's own files:
//
// - `scanner` must be "nmap" by the DTD; `version` says that Postern wrote the file.
// - Each state that an address has more than 25 closed or filtered ports in is an `extraports`,
// whose
//   `extrareasons` list the exact ports, so that nothing is lost; every other port has its `port`.
// - nmap has no word for a port that was not probed or whose probe proved nothing. Such ports are
// in
//   no `port` and no `extraports`: the host's `comment` lists them ("unknown: tcp/80-99"), a host
//   of which nothing is known has status "unknown", and an incomplete scan ends with exit="error"
//   and says how much is unknown in `errormsg`.
#pragma once

#include <string>

#include "exporters/scan_report.h"

namespace postern::exporters {

std::string FormatNmapXml(const ScanReport& report);

}  // namespace postern::exporters

// `postern scan --format text`, for people, in nmap's manner: for each address a heading and a
// table of its open endpoints and of those that are not in its most common state, then what was
// left out and what stayed unknown; the last line is of the whole scan. Neighbours in the list that
// are alike and have nothing to show share one heading.
#pragma once

#include <string>

#include "exporters/scan_report.h"

namespace postern::exporters {

std::string FormatScanText(const ScanReport& report);

}  // namespace postern::exporters

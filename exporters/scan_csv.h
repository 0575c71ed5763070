// A scan as CSV (RFC 4180) for spreadsheets: a header, then one row for each range of neighbouring
// ports of an address that have the same state for the same reason.
#pragma once

#include <string>
#include <string_view>

#include "exporters/scan_report.h"

namespace postern::exporters {

// snapshot,time,viewpoint,scan,address,name,protocol,first_port,last_port,state,reason; a file has
// no snapshot number.
std::string FormatScanCsv(const ScanReport& report);

// One cell. Text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a
// line end: OWASP, "CSV Injection") gets a leading apostrophe.
std::string CsvCell(std::string_view text);

}  // namespace postern::exporters

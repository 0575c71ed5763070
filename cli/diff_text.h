// The two outputs of `postern diff`.
#pragma once

#include <string>

#include "core/observed_scan.h"
#include "drift/scan_diff.h"

namespace postern::cli {

// By host, what opened first. Ports that changed alike share a line, hosts that changed alike a
// paragraph. Empty without differences.
//
//   192.0.2.10 (web-1)
//     closed -> open    tcp/22,8000-8099
//     open -> open      tcp/443: nginx 1.18.0 -> nginx 1.22.1
std::string DiffText(const drift::ScanDiff& diff, const ObservedScan& before,
                     const ObservedScan& after);

// One object a line for every endpoint that differs:
//   {"address":"192.0.2.10","protocol":"tcp","port":22,"before":{"state":"closed"},
//    "after":{"state":"open","service":"ssh OpenSSH 9.2"}}
std::string DiffJsonLines(const drift::ScanDiff& diff);

// What was compared and what was not, a line or some, for standard error.
std::string DiffSummary(const drift::ScanDiff& diff);

}  // namespace postern::cli

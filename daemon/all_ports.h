// The questions that tell whether an address is open on every port (drift/all_ports.h), as a part
// of the run that made them necessary.
#pragma once

#include <span>
#include <string_view>

#include "core/drift.h"
#include "core/finding.h"
#include "core/snapshot.h"
#include "scanner/scan.h"

namespace postern::daemon {

// The random ports of addresses that the run met with suspiciously many unexpected_open drifts, and
// of those that it asked and that have an unresolved all_ports_open finding. What it asked already
// is left out. `drifts` are what the snapshot alone shows.
scanner::ScanPlan RandomPortsPlan(const Snapshot& snapshot, std::span<const Drift> drifts,
                                  std::span<const Finding> findings, std::string_view viewpoint,
                                  std::string_view ports_secret);

// What they answered belongs to the run.
void AddPart(const scanner::ScanResult& part, Snapshot& snapshot);

}  // namespace postern::daemon

// What a reader must know before he takes what is stored for the present.
#pragma once

#include <string>
#include <vector>

#include "core/time.h"
#include "policy/config.h"
#include "storage/store.h"

namespace postern::cli {

// A line for each scan whose observations are older at `now` than its schedule allows: 2 × `every`
// and `jitter`, as for the finding coverage_stale, but quiet hours count. A scan that never saw all
// it asks has none: nothing is known by it that could be old.
std::vector<std::string> StaleScans(const storage::Store& store, const policy::Config& config,
                                    TimePoint now);

// Prints them to standard error, so that standard output stays what it is.
void WarnOfStaleScans(const storage::Store& store, const policy::Config& config);

}  // namespace postern::cli

// What this process uses of the machine, as Prometheus's own client libraries report it in their
// process_* metrics. Read from /proc/self; thread-safe.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <vector>

#include "core/result.h"

namespace postern::exporters {

struct ProcessUsage {
  double cpu_seconds = 0;  // user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t descriptor_limit = 0;  // the soft RLIMIT_NOFILE
  double start_time = 0;               // seconds since 1970

  bool operator==(const ProcessUsage&) const = default;
};

// An error where /proc is missing or this process is out of descriptors.
Result<ProcessUsage> ReadProcessUsage();

// process_cpu_seconds_total and its like; none where there is an error.
std::vector<prometheus::MetricFamily> CollectProcess();

}  // namespace postern::exporters

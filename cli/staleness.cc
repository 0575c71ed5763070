#include "cli/staleness.h"

#include <cstdio>

#include "daemon/run_plan.h"

namespace postern::cli {

std::vector<std::string> StaleScans(const storage::Store& store, const policy::Config& config,
                                    TimePoint now) {
  std::vector<std::string> lines;
  for (const auto& scan : config.scans) {
    const auto observations = store.ObservationsOf(scan.name, daemon::RunsPerRound(scan));
    if (!observations) {
      lines.push_back(observations.error().message);
      continue;
    }
    const auto& oldest = observations->oldest;
    if (oldest && now - *oldest > 2 * scan.every + scan.jitter) {
      lines.push_back("scan '" + scan.name + "' is due every " + FormatDuration(scan.every) +
                      ", and what it rests on is of " + FormatTime(*oldest) +
                      ": this was last seen, and may not be so now; `postern status` tells "
                      "whether the daemon runs");
    }
  }
  return lines;
}

void WarnOfStaleScans(const storage::Store& store, const policy::Config& config) {
  for (const auto& line : StaleScans(store, config, SystemClock().Now())) {
    std::fprintf(stderr, "postern: %s\n", line.c_str());
  }
}

}  // namespace postern::cli

// Which endpoints one run asks: a stage of the schedule over the policy's targets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/finding.h"
#include "daemon/targets.h"
#include "policy/config.h"
#include "policy/policy.h"
#include "scanner/scan.h"
#include "storage/store.h"

namespace postern::daemon {

// A host that limits its replies holds up the others by no more than this: it lets a host that
// sends 200 resets a second (FreeBSD's default) answer for 1,000 ports.
inline constexpr Duration kSlowHostsWait = std::chrono::seconds(10);

struct RunPlan {
  scanner::ScanPlan endpoints;
  // A sweep is spread evenly over this part of its slice; 0: as fast as the caps allow.
  Duration spread{};
  std::uint64_t expected_probes = 0;  // of a spread run
  // How long the run waits for hosts that limit their replies once all others are done.
  Duration slow_hosts_wait = kSlowHostsWait;
  // Endpoints behind names that gave no answer: part of what was to be asked, and unknown.
  std::uint64_t unanswered = 0;
  // `full` only: where the sweep stands once this run is committed.
  std::optional<storage::SweepCursor> next_cursor;
};

// A sweep commits in slices of at most 15 minutes (product.md), so that a restart loses a slice,
// not a day.
inline constexpr Duration kLongestSlice = std::chrono::minutes(15);

// How often a run of this scan starts: `every`, or the length of a sweep's slice.
Duration RunInterval(const policy::ScanConfig& scan);
// Number of runs until every port of the scan was asked once: 1 but for a sweep.
std::uint64_t RunsPerRound(const policy::ScanConfig& scan);

// Stages `expected`, `top`, `full` and `udp`; `discover` asks no target (discovery.h). `findings`
// add their endpoints to `expected`, those that ended within `reopen_within` included, so that a
// return is seen at once.
RunPlan PlanRun(const policy::Policy& policy, std::string_view viewpoint,
                const policy::ScanConfig& scan, std::span<const Target> targets,
                std::span<const Finding> findings,
                const std::optional<storage::SweepCursor>& cursor, TimePoint now,
                Duration reopen_within);

// What a run left unknown of its slow hosts, to be asked by a run of its own.
scanner::ScanPlan PlanRestOfSlowHosts(const Snapshot& snapshot);

// What the scans together ask of each target in time; the endpoints of findings are left out.
std::vector<PortSet> PortsAsked(const policy::Policy& policy, std::string_view viewpoint,
                                std::span<const policy::ScanConfig> scans,
                                std::span<const Target> targets);

// What a single comparison asks: the ports that the policy names, and `ports`.
scanner::ScanPlan PlanComparison(const policy::Policy& policy, std::string_view viewpoint,
                                 const PortSet& ports, std::span<const Target> targets);

}  // namespace postern::daemon

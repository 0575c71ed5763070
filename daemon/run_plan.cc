#include "daemon/run_plan.h"

#include <algorithm>
#include <map>

#include "policy/rules.h"

namespace postern::daemon {
namespace {

// A sweep's slice is sent in this part of its time, so that confirmation and the commit are done
// when the next one is due.
constexpr double kSweepDutyCycle = 0.8;

PortSet NamedPorts(const policy::Policy& policy, std::string_view viewpoint, const Target& target) {
  return policy::RuleTable(policy, *target.host, viewpoint, target.address.family()).NamedPorts();
}

// Whether the finding, or its return, is of interest to the stage `expected`.
bool IsWatched(const Finding& finding, TimePoint now, Duration reopen_within) {
  if (finding.state != FindingState::kResolved) return true;
  const bool may_return =
      finding.resolution == Resolution::kFixed || finding.resolution == Resolution::kGone;
  return may_return && finding.resolved && Between(*finding.resolved, now) <= reopen_within;
}

std::map<std::string, PortSet> WatchedPorts(std::span<const Finding> findings,
                                            std::string_view viewpoint, TimePoint now,
                                            Duration reopen_within) {
  std::map<std::string, PortSet> by_subject;
  for (const auto& finding : findings) {
    if (!IsWatched(finding, now, reopen_within) || finding.viewpoint != viewpoint) continue;
    // A finding of many ports is left to the scan that found it: `expected` runs every minute.
    const bool few = finding.drift.port != 0 || finding.drift.kind == DriftKind::kHostUnreachable;
    if (few) by_subject[finding.drift.subject].Add(finding.drift.ports);
  }
  return by_subject;
}

// Targets that share a set of ports make one group of the plan.
class Groups {
 public:
  void Add(const IpAddress& address, const PortSet& ports) {
    if (!ports.empty()) addresses_[ports].emplace_back(address, address.bits());
  }

  scanner::ScanPlan Plan() && {
    scanner::ScanPlan plan;
    for (auto& [ports, addresses] : addresses_) plan.Add(addresses, ports);
    return plan;
  }

 private:
  std::map<PortSet, std::vector<Prefix>> addresses_;
};

storage::SweepCursor StartOf(const policy::ScanConfig& scan,
                             const std::optional<storage::SweepCursor>& cursor, TimePoint now) {
  const auto spec = scan.ports.ToString();
  if (cursor && cursor->ports == spec && cursor->position < scan.ports.size()) return *cursor;
  return {spec, 0, now};
}

// The slice that starts at `start`, whole ports on every target, and the cursor behind it.
std::pair<PortSet, storage::SweepCursor> NextSlice(const policy::ScanConfig& scan,
                                                   const storage::SweepCursor& start,
                                                   TimePoint now) {
  const std::uint64_t total = scan.ports.size();
  const std::uint64_t slices = RunsPerRound(scan);
  const auto end = std::min(total, start.position + (total + slices - 1) / slices);
  auto next = start;
  next.position = end == total ? 0 : end;
  if (end == total) next.round_started = now;
  return {scan.ports.Slice(start.position, end), next};
}

}  // namespace

Duration RunInterval(const policy::ScanConfig& scan) {
  if (scan.stage != Stage::kFull) return scan.every;
  return scan.every / static_cast<Duration::rep>(RunsPerRound(scan));
}

std::uint64_t RunsPerRound(const policy::ScanConfig& scan) {
  if (scan.stage != Stage::kFull) return 1;
  const auto slices = (scan.every.count() + kLongestSlice.count() - 1) / kLongestSlice.count();
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(slices), 1,
                                   std::max<std::uint64_t>(1, scan.ports.size()));
}

RunPlan PlanRun(const policy::Policy& policy, std::string_view viewpoint,
                const policy::ScanConfig& scan, std::span<const Target> targets,
                std::span<const Finding> findings,
                const std::optional<storage::SweepCursor>& cursor, TimePoint now,
                Duration reopen_within) {
  RunPlan plan;
  if (scan.stage == Stage::kDiscover) return plan;
  PortSet stage_ports = scan.ports;
  if (scan.stage == Stage::kFull) {
    auto [slice, next] = NextSlice(scan, StartOf(scan, cursor, now), now);
    stage_ports = std::move(slice);
    plan.next_cursor = std::move(next);
  }
  const auto watched = WatchedPorts(findings, viewpoint, now, reopen_within);
  Groups groups;
  for (const auto& target : targets) {
    if (scan.stage != Stage::kExpected) {
      groups.Add(target.address, stage_ports);
      continue;
    }
    PortSet named = NamedPorts(policy, viewpoint, target);
    const auto of_findings = watched.find(target.subject);
    if (of_findings != watched.end()) named.Add(of_findings->second);
    groups.Add(target.address, named);
  }
  plan.endpoints = std::move(groups).Plan();
  if (scan.stage == Stage::kFull) {
    plan.spread = std::chrono::floor<Duration>(RunInterval(scan) * kSweepDutyCycle);
  }
  return plan;
}

scanner::ScanPlan PlanRestOfSlowHosts(const Snapshot& snapshot) {
  Groups groups;
  for (const auto& address : snapshot.coverage.slow_hosts) {
    const auto* states = snapshot.Find(address);
    if (states == nullptr) continue;
    PortSet unknown;
    for (const auto protocol : kProtocols) {
      for (const auto& range : states->of(protocol).ranges()) {
        if (range.verdict.state == PortState::kUnknown) unknown.Add(protocol, range.ports);
      }
    }
    groups.Add(address, unknown);
  }
  return std::move(groups).Plan();
}

std::vector<PortSet> PortsAsked(const policy::Policy& policy, std::string_view viewpoint,
                                std::span<const policy::ScanConfig> scans,
                                std::span<const Target> targets) {
  std::vector<PortSet> asked(targets.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto named = NamedPorts(policy, viewpoint, targets[i]);
    for (const auto& scan : scans) {
      if (scan.stage == Stage::kDiscover) continue;
      asked[i].Add(scan.stage == Stage::kExpected ? named : scan.ports);
    }
  }
  return asked;
}

scanner::ScanPlan PlanComparison(const policy::Policy& policy, std::string_view viewpoint,
                                 const PortSet& ports, std::span<const Target> targets) {
  Groups groups;
  for (const auto& target : targets) {
    PortSet asked = ports;
    asked.Add(NamedPorts(policy, viewpoint, target));
    groups.Add(target.address, asked);
  }
  return std::move(groups).Plan();
}

}  // namespace postern::daemon

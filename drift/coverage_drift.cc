#include "drift/coverage_drift.h"

#include <algorithm>

namespace postern::drift {
namespace {

using std::chrono::minutes;

// `watch` without what `hours` take of it: the parts before, between and after.
void CutWeekly(const policy::QuietHours& hours, std::vector<Period>& periods) {
  std::vector<Period> left;
  for (auto [begin, end] : periods) {
    while (begin < end) {
      const auto quiet = hours.Contains(begin);
      const auto until = std::min(end, hours.NextChange(begin));
      if (!quiet) left.push_back({begin, until});
      begin = until;
    }
  }
  periods = std::move(left);
}

Drift DriftOf(const ScanAge& age) {
  const auto& scan = *age.scan;
  Drift drift;
  drift.kind = DriftKind::kCoverageStale;
  drift.severity = Severity::kCritical;
  drift.subject = scan.name;
  drift.rule = ToString(scan.where);
  drift.expected = "observations at most " + FormatDuration(OldestAllowed(scan)) +
                   " old, without quiet hours, pauses and times in which posternd did not run";
  drift.detail = age.oldest ? "its oldest trusted observation is of " + FormatTime(*age.oldest)
                            : "some of its endpoints were never observed by a run to trust";
  return drift;
}

}  // namespace

Duration WatchedTime(TimePoint from, TimePoint to, std::span<const Period> watches,
                     std::span<const policy::QuietHours> quiet_hours) {
  std::vector<Period> periods;
  for (const auto& watch : watches) {
    const Period part{std::max(from, watch.begin), std::min(to, watch.end)};
    if (part.begin < part.end) periods.push_back(part);
  }
  for (const auto& hours : quiet_hours) CutWeekly(hours, periods);
  Duration watched{};
  for (const auto& [begin, end] : periods) watched += end - begin;
  return watched;
}

Duration OldestAllowed(const policy::ScanConfig& scan) { return 2 * scan.every + scan.jitter; }

std::vector<Drift> StaleDrift(std::span<const ScanAge> ages) {
  std::vector<Drift> drifts;
  for (const auto& age : ages) {
    if (age.watched > OldestAllowed(*age.scan)) drifts.push_back(DriftOf(age));
  }
  return drifts;
}

}  // namespace postern::drift

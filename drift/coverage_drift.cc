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

// "web-1 (192.0.2.1), db-1 (db.example.com) and 3 more"
std::string ListOf(const std::vector<std::string>& unseen) {
  constexpr std::size_t kShown = 5;  // a sentence, not a list
  std::string text;
  const auto shown = std::min(unseen.size(), kShown);
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + unseen[i];
  const auto others = unseen.size() - shown;
  return others == 0 ? text : text + " and " + std::to_string(others) + " more";
}

std::string DetailOf(const ScanAge& age) {
  if (age.watched > OldestAllowed(*age.scan)) {
    return age.oldest ? "its oldest trusted observation is of " + FormatTime(*age.oldest)
                      : "some of its endpoints were never observed by a run to trust";
  }
  return "it could not look at " + ListOf(age.unseen) + ", the longest since " +
         FormatTime(age.unseen_since.value_or(TimePoint{}));
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
  drift.detail = DetailOf(age);
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
    const bool stale = age.watched > OldestAllowed(*age.scan) || !age.unseen.empty();
    if (stale) drifts.push_back(DriftOf(age));
  }
  return drifts;
}

}  // namespace postern::drift

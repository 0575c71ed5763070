#include "daemon/coverage_watch.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "core/guarded.h"
#include "core/log.h"
#include "daemon/run_plan.h"
#include "drift/coverage_drift.h"
#include "drift/lifecycle.h"

namespace postern::daemon {
namespace {

constexpr auto kBetweenLooks = std::chrono::minutes(1);

// "web-1 (192.0.2.1)", "web-1 (www.example.com)", "ipv6"
std::string NameOf(const storage::UnseenSince& unseen) {
  return unseen.host.empty() ? unseen.subject : unseen.host + " (" + unseen.subject + ")";
}

Result<std::vector<drift::ScanAge>> AgesOf(const storage::Store& store,
                                           const policy::Config& config,
                                           const storage::Watching& watching, TimePoint now) {
  std::vector<drift::ScanAge> ages;
  for (const auto& scan : config.scans) {
    const auto since = watching.scans_since.find(scan.name);
    if (since == watching.scans_since.end()) continue;  // another setup than was recorded
    const auto observations = store.ObservationsOf(scan.name, RunsPerRound(scan));
    if (!observations) return observations.error();
    const auto watched_since = [&](TimePoint from) {
      return drift::WatchedTime(std::max(from, since->second), now, watching.watches,
                                config.limits.quiet_hours);
    };
    drift::ScanAge age{.scan = &scan, .oldest = observations->round};
    age.watched = watched_since(observations->round.value_or(since->second));
    // The longest unseen come first, and watched time only grows with age.
    const auto& unseen = observations->unseen;
    const auto young = std::ranges::partition_point(unseen, [&](const storage::UnseenSince& one) {
      return watched_since(one.since) > drift::OldestAllowed(scan);
    });
    std::transform(unseen.begin(), young, std::back_inserter(age.unseen), NameOf);
    if (young != unseen.begin()) age.unseen_since = unseen.front().since;
    ages.push_back(std::move(age));
  }
  return ages;
}

}  // namespace

std::map<std::string, std::string> TermsOf(const policy::Config& config) {
  std::map<std::string, std::string> terms;
  for (const auto& scan : config.scans) {
    terms[scan.name] = std::string(ToString(scan.stage)) + " every " + FormatDuration(scan.every) +
                       " jitter " + FormatDuration(scan.jitter);
  }
  return terms;
}

Result<Judged> JudgeAges(storage::Store& store, const Setup& setup,
                         const storage::Watching& watching, TimePoint now) {
  const auto findings = store.Findings();
  if (!findings) return findings.error();
  const auto ages = AgesOf(store, setup.config, watching, now);
  if (!ages) return ages.error();
  const auto drifts = drift::StaleDrift(*ages);
  std::set<std::string> scans;
  for (const auto& scan : setup.config.scans) scans.insert(scan.name);

  drift::Judgement judgement;
  judgement.now = now;
  judgement.viewpoint = setup.config.viewpoint;
  judgement.policy = setup.policy.get();
  judgement.confirm = setup.config.confirm;
  judgement.drifts = drifts;
  judgement.watched_scans = &scans;
  return CommitAdvance(store, setup, {}, drift::AdvanceFindings(*findings, judgement));
}

CoverageWatch::CoverageWatch(Parts parts)
    : parts_(std::move(parts)), thread_([this](const std::stop_token& stop) { Main(stop); }) {}

void CoverageWatch::Main(const std::stop_token& stop) {
  Look(Judging::kNo);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kBetweenLooks, [] { return false; });
    if (!stop.stop_requested()) Look(Judging::kYes);
  }
}

void CoverageWatch::Look(Judging judging) {
  const auto looked = Guarded([&] {
    if (const auto judged = Judge(judging); !judged) Warn(judged.error());
  });
  if (!looked) Warn(looked.error());
}

void CoverageWatch::Warn(const Error& error) {
  parts_.metrics.RecordStorageError(exporters::StorageOperation::kCommit);
  Log(LogLevel::kWarning, "the age of the observations cannot be judged",
      {{"error", error.message}});
}

Result<void> CoverageWatch::Judge(Judging judging) {
  const auto now = parts_.clock.Now();
  if (parts_.pause.Now()) return {};
  const auto setup = parts_.setup.Get();
  const auto look = [&](storage::Store& store) -> Result<Judged> {
    const auto watching = store.Watch(TermsOf(setup->config), now);
    if (!watching) return watching.error();
    return judging == Judging::kYes ? JudgeAges(store, *setup, *watching, now) : Judged{};
  };
  const auto judged =
      judging == Judging::kYes ? parts_.judge(*setup, look) : parts_.storage.Run(look);
  if (!judged) return judged.error();
  return {};
}

}  // namespace postern::daemon

// Cycle's runs besides the schedule; and its part on hosts that limit their replies: the run of
// their own after the one that did not wait for them.
#include <algorithm>
#include <string>
#include <utility>

#include "daemon/cycle.h"

namespace postern::daemon {
namespace {

// The rest is asked in this part of the scan's interval, so that the next run begins in time.
constexpr double kDutyCycle = 0.9;
// Less time is not worth a run.
constexpr Duration kShortestRest = std::chrono::seconds(5);

void LogSlowHosts(const Snapshot& run) {
  const auto& hosts = run.coverage.slow_hosts;
  const auto shown = std::min(hosts.size(), kLongestLogSeries);
  for (std::size_t i = 0; i < shown; ++i) {
    Log(LogLevel::kInfo, "a host limits its replies; what it has not answered is asked apart",
        {{"address", hosts[i].ToString()}, {"scan", run.run.scan}});
  }
  if (hosts.size() == shown) return;
  Log(LogLevel::kInfo, "more hosts limit their replies; the run's `slow_hosts` has them",
      {{"count", std::to_string(hosts.size() - shown)}, {"scan", run.run.scan}});
}

}  // namespace

Result<Cycle::Begun> Cycle::BeginApart(RunPlan plan, const Targets& targets, RunInfo& info) {
  const auto suspended = parts_.clock.Suspended();
  auto begun = parts_.storage.Run([&](storage::Store& store) -> Result<Begun> {
    auto findings = store.Findings();
    if (!findings) return findings.error();
    auto known = store.LastKnownStates(targets.Addresses());
    if (!known) return known.error();
    auto absences = store.Absences();
    if (!absences) return absences.error();
    const auto id = store.BeginRun(info);
    if (!id) return id.error();
    Begun run;
    run.plan = std::move(plan);
    run.run = *id;
    run.findings = *std::move(findings);
    run.known = *std::move(known);
    run.absences = *std::move(absences);
    run.suspended = suspended;
    run.ports_secret = store.ports_secret();
    return run;
  });
  if (begun) {
    info.id = begun->run;
  } else {
    RecordStorageFailure(exporters::StorageOperation::kBeginRun);
  }
  return begun;
}

Result<void> Cycle::AskSlowHosts(const Setup& setup, const Targets& targets, const Snapshot& run,
                                 Duration interval, const std::stop_token& stop) {
  // What an unlisted host answers is judged by the sweep that found it.
  if (run.run.stage == Stage::kDiscover) return {};
  RunPlan plan;
  plan.endpoints = PlanRestOfSlowHosts(run);
  if (plan.endpoints.size() == 0) return {};
  LogSlowHosts(run);
  const auto now = parts_.clock.Now();
  const auto time_left =
      std::chrono::floor<Duration>(interval * kDutyCycle) - Between(now, run.run.started);
  if (time_left < kShortestRest) return {};
  plan.slow_hosts_wait = time_left;

  RunInfo info = run.run;
  info.continues = run.run.id;
  info.started = now;
  ++info.seed;
  const auto begun = BeginApart(std::move(plan), targets, info);
  if (!begun) return begun.error();
  Coverage before;
  before.complete = true;  // nothing was to be done before its probes
  const auto rest = Conduct(setup, targets, *begun, info, before, stop);
  if (!rest) return rest.error();
  return {};
}

}  // namespace postern::daemon

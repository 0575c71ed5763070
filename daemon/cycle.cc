#include "daemon/cycle.h"

#include <algorithm>
#include <map>
#include <utility>

#include "daemon/all_ports.h"
#include "daemon/canaries.h"
#include "daemon/confirm.h"
#include "daemon/discovery.h"
#include "daemon/exposure.h"
#include "daemon/family_route.h"
#include "daemon/probe_cost.h"
#include "daemon/questions.h"
#include "daemon/receivers.h"
#include "daemon/run_info.h"
#include "daemon/schedule.h"
#include "daemon/unseen.h"
#include "policy/swept_networks.h"
#include "scanner/method.h"

namespace postern::daemon {
namespace {

using exporters::RunFailure;
using exporters::StorageOperation;

bool AnyOf(const std::vector<drift::CanaryReading>& canaries, Family family) {
  return std::ranges::any_of(canaries, [family](const drift::CanaryReading& canary) {
    return canary.endpoint.address.family() == family;
  });
}

// What the clock said when the newest run that is kept began.
std::optional<TimePoint> LastStart(const Setup& setup, StorageThread& storage) {
  std::optional<TimePoint> last;
  for (const auto& scan : setup.config.scans) {
    const auto history =
        storage.Run([&](storage::Store& store) { return store.HistoryOf(scan.name); });
    if (history) last = std::max(last, history->last_started);
  }
  return last;
}

void LogTransitions(const Judged& judged) {
  std::map<std::string_view, const Finding*> changed;
  for (const auto& finding : judged.changed) changed.emplace(finding.id, &finding);
  std::size_t lines = 0;
  for (const auto& transition : judged.transitions) {
    const auto at = changed.find(transition.finding_id);
    if (at == changed.end() || ++lines > kLongestLogSeries) continue;
    const auto& finding = *at->second;
    Log(LogLevel::kInfo, "finding " + std::string(ToString(transition.kind)),
        {{"id", DisplayId(finding)},
         {"kind", std::string(ToString(finding.drift.kind))},
         {"severity", std::string(ToString(finding.drift.severity))},
         {"state", std::string(ToString(finding.state))},
         {"owner", finding.drift.owner},
         {"summary", Summary(finding.drift)}});
  }
  if (lines <= kLongestLogSeries) return;
  Log(LogLevel::kInfo, "more findings changed; `postern findings list` has them",
      {{"count", std::to_string(lines - kLongestLogSeries)}});
}

}  // namespace

Cycle::Cycle(Parts parts)
    : parts_(std::move(parts)),
      age_clock_(LastStart(*parts_.setup.Get(), parts_.storage), Elapsed(parts_.clock)) {}

Result<void> Cycle::Run(const policy::ScanConfig& scan, const std::stop_token& stop) {
  const auto setup = parts_.setup.Get();
  const auto begun_at = parts_.clock.Monotonic();
  const auto suspended = parts_.clock.Suspended();
  auto targets = FindTargets(*setup->policy, setup->config.viewpoint, parts_.resolver);
  WarnOfNames(targets);
  if (auto remembered = Remember(*setup, targets); !remembered) {
    RecordStorageFailure(StorageOperation::kRead);
    parts_.metrics.RecordRunFailure(scan.name, RunFailure::kStorage);
    return remembered;
  }

  RunInfo info = NewRun(*setup, scan.name, scan.stage, parts_.clock.Now());
  const auto answering = WhoIsAsked(scan, targets, info, stop);
  auto begun = Begin(*setup, scan, targets, answering.list, info);
  if (!begun) return begun.error();
  begun->suspended = suspended;

  const auto run = Conduct(*setup, targets, *begun, info, answering.coverage, stop);
  if (!run) return run.error();
  if (!*run) return {};
  const auto took = parts_.clock.Monotonic() - begun_at;
  parts_.metrics.RecordRun(**run, std::chrono::duration<double>(took).count());
  PublishAge(scan);
  RemoveExpired(parts_.setup.Get()->config);
  return AskSlowHosts(*setup, targets, **run, RunInterval(scan), stop);
}

Result<std::optional<Snapshot>> Cycle::Conduct(const Setup& setup, const Targets& targets,
                                               const Begun& begun, const RunInfo& info,
                                               const Coverage& before,
                                               const std::stop_token& stop) {
  auto evidence = Observe(setup, targets, begun, info, stop);
  evidence.snapshot.coverage.Add(before);
  CountUnseen(begun.plan.unanswered, evidence.snapshot);
  WarnOfRoutes(evidence.snapshot);
  const bool slept = parts_.clock.Suspended() - begun.suspended >= kShortestSuspension;
  if (stop.stop_requested() || slept) {
    const auto why = slept ? RunFailure::kSuspended : RunFailure::kIncomplete;
    parts_.metrics.RecordRunFailure(info.scan, why);
    if (auto aborted = Abort(begun.run); !aborted) return aborted.error();
    return std::optional<Snapshot>();
  }
  const auto judged = Commit(setup, targets, evidence);
  if (!judged) {
    if (auto aborted = Abort(begun.run); !aborted) return aborted.error();
    return judged.error();
  }
  if (!evidence.snapshot.coverage.complete) {
    parts_.metrics.RecordRunFailure(info.scan, RunFailure::kIncomplete);
  }
  return std::optional(std::move(evidence.snapshot));
}

AnsweringTargets Cycle::WhoIsAsked(const policy::ScanConfig& scan, const Targets& targets,
                                   const RunInfo& info, const std::stop_token& stop) {
  if (!scan.assume_up) {
    const auto may_probe = [this](const IpAddress& address) { return MayProbe(address); };
    auto answering = LookForTargets(targets.list, info.seed, may_probe, parts_.limiter, stop);
    parts_.metrics.RecordTraffic(answering.coverage);
    return answering;
  }
  AnsweringTargets all{.list = targets.list, .coverage = {}};
  all.coverage.complete = true;
  return all;
}

bool Cycle::MayProbe(const IpAddress& address) const {
  return parts_.setup.Get()->MayProbe(address, parts_.clock.Now());
}

Result<Cycle::Begun> Cycle::Begin(const Setup& setup, const policy::ScanConfig& scan,
                                  const Targets& targets, const std::vector<Target>& asked,
                                  RunInfo& info) {
  auto begun = parts_.storage.Run([&](storage::Store& store) -> Result<Begun> {
    auto findings = store.Findings();
    if (!findings) return findings.error();
    const auto cursor = store.Cursor(scan.name);
    if (!cursor) return cursor.error();
    const auto run = store.BeginRun(info);
    if (!run) return run.error();
    auto plan = PlanRun(*setup.policy, setup.config.viewpoint, scan, asked, *findings, *cursor,
                        info.started, setup.config.confirm.reopen_within);
    for (const auto& target : targets.unanswered) {
      plan.unanswered +=
          PlanRun(*setup.policy, setup.config.viewpoint, scan, {&target, 1}, *findings, *cursor,
                  info.started, setup.config.confirm.reopen_within)
              .endpoints.size();
    }
    auto known = store.LastKnownStates(targets.Addresses());
    if (!known) return known.error();
    auto absences = store.Absences();
    if (!absences) return absences.error();
    if (plan.spread > Duration{0}) {
      plan.expected_probes = CountLastSeen(plan.endpoints, *known).Probes(kUsualTries);
    }
    Begun begun;
    begun.plan = std::move(plan);
    begun.run = *run;
    begun.findings = *std::move(findings);
    begun.known = *std::move(known);
    begun.absences = *std::move(absences);
    begun.unlisted_ports = scan.ports;
    begun.ports_secret = store.ports_secret();
    return begun;
  });
  if (begun) {
    info.id = begun->run;
  } else {
    RecordStorageFailure(StorageOperation::kBeginRun);
    parts_.metrics.RecordRunFailure(scan.name, RunFailure::kStorage);
  }
  return begun;
}

RunEvidence Cycle::Observe(const Setup& setup, const Targets& targets, const Begun& begun,
                           const RunInfo& info, const std::stop_token& stop) {
  // The run's own policy chose the endpoints; what has left the scope since is not probed.
  const auto may_probe = [this](const IpAddress& address) { return MayProbe(address); };
  const auto read_canaries = [&] {
    auto look = ReadCanaries(setup.config.canaries, parts_.limiter, may_probe, stop);
    parts_.metrics.RecordTraffic(look.coverage);
    return std::move(look.readings);
  };

  RunEvidence evidence;
  evidence.canaries_before = read_canaries();
  scanner::ScanRequest request;
  request.plan = begun.plan.endpoints;
  request.spread = begun.plan.spread;
  request.expected_probes = begun.plan.expected_probes;
  request.slow_hosts_wait = begun.plan.slow_hosts_wait;
  request.seed = info.seed;
  request.may_probe = may_probe;
  const auto scan = [&] {
    auto result = scanner::Scan(request, begun.method, parts_.limiter, stop);
    parts_.metrics.RecordTraffic(result.coverage);
    return result;
  };
  std::optional<Coverage> swept;
  if (info.stage == Stage::kDiscover) {
    swept = Discover(setup, targets, begun, info, request, evidence, stop);
  }
  auto result = scan();
  request.spread = {};  // what follows are a few more endpoints

  auto& snapshot = evidence.snapshot;
  snapshot.run = info;
  snapshot.coverage = std::move(result.coverage);
  if (swept) snapshot.coverage.Add(*swept);
  snapshot.coverage.unresolved = {targets.unresolved.begin(), targets.unresolved.end()};
  snapshot.addresses = std::move(result.addresses);

  const auto& viewpoint = setup.config.viewpoint;
  const auto drifts_now = [&] {
    return DriftIn(evidence, *setup.policy, viewpoint, targets, parts_.clock.Now(),
                   begun.ports_secret);
  };
  request.plan =
      RandomPortsPlan(snapshot, drifts_now(), begun.findings, viewpoint, begun.ports_secret);
  if (request.plan.size() > 0) AddPart(scan(), snapshot);
  AskForSigns(setup, begun, evidence, stop);
  const auto drifts = drifts_now();
  const auto questions = QuestionsAfter(snapshot, drifts, begun.findings, viewpoint);
  auto look =
      Confirmation({parts_.limiter, may_probe, parts_.clock}, setup.config.confirm.open_methods)
          .LookAgain(questions, stop);
  parts_.metrics.RecordTraffic(look.coverage);
  AddAnswers(questions, look.answers, snapshot);
  evidence.confirmed = std::move(look.open);
  evidence.exchanges = std::move(look.exchanges);
  evidence.canaries_after = read_canaries();
  evidence.cursor = begun.plan.next_cursor;
  snapshot.run.finished = parts_.clock.Now();
  return evidence;
}

void Cycle::AskForSigns(const Setup& setup, const Begun& begun, RunEvidence& evidence,
                        const std::stop_token& stop) {
  SignRequest request{.known = begun.known,
                      .absences = begun.absences,
                      .others = {},
                      .seed = evidence.snapshot.run.seed,
                      .may_probe = [this](const IpAddress& address) { return MayProbe(address); }};
  for (const auto& canary : setup.config.canaries) {
    request.others.push_back(canary.endpoint.address);
  }
  for (const auto& finding : begun.findings) {
    if (finding.drift.kind == DriftKind::kUnlistedHost) {
      request.others.push_back(finding.drift.address);
    }
  }
  if (evidence.discovery) {
    for (const auto& live : evidence.discovery->up) request.others.push_back(live.address);
  }
  evidence.signs = daemon::AskForSigns(request, evidence.snapshot, parts_.limiter, stop);
  parts_.metrics.RecordTraffic(evidence.signs.coverage);
  evidence.snapshot.coverage.Add(evidence.signs.coverage);
}

Coverage Cycle::Discover(const Setup& setup, const Targets& targets, const Begun& begun,
                         const RunInfo& info, scanner::ScanRequest& request, RunEvidence& evidence,
                         const std::stop_token& stop) {
  const auto& viewpoint = setup.config.viewpoint;
  auto listed = targets.Listed();
  listed.merge(CanaryAddresses(setup.config.canaries));
  auto question = DiscoveryOf(*setup.policy, viewpoint, listed, begun.findings);
  question.seed = request.seed;
  question.may_probe = request.may_probe;
  question.may_multicast = [&](const Prefix& link) {
    const auto policy = parts_.setup.Get()->policy;
    return request.may_probe(link.base()) && policy::MayProbeAll(*policy, viewpoint, link);
  };
  auto sighting = LookForHosts(question, listed, parts_.limiter, stop);
  parts_.metrics.RecordTraffic(sighting.coverage);
  for (const auto& refused : sighting.refused) {
    parts_.metrics.RecordRunFailure(info.scan, RunFailure::kNotCovered);
    Log(LogLevel::kWarning,
        "a network was not looked at; exclude it for this viewpoint, or look from its link",
        {{"network", refused.range.ToString()}, {"detail", refused.why}});
  }
  const auto unlisted = drift::FindUnlisted(*setup.policy, viewpoint, listed, sighting.discovery);
  request.plan = WitnessesOf(begun.known);
  AddUnlisted(unlisted, begun.unlisted_ports, request.plan);
  evidence.discovery = std::move(sighting.discovery);
  return std::move(sighting.coverage);
}

Result<void> Cycle::Abort(std::int64_t run) {
  auto aborted = parts_.storage.Run([&](storage::Store& store) { return store.AbortRun(run); });
  if (!aborted) parts_.metrics.RecordStorageError(StorageOperation::kAbortRun);
  return aborted;
}

Result<Judged> Cycle::Commit(const Setup& pinned, const Targets& targets, RunEvidence& evidence) {
  // Observations are facts whatever the policy; after a reload they are judged by the new one, so
  // that a run that began before it does not bring back what it settled.
  const auto current = parts_.setup.Get();
  const bool reloaded = current->policy != pinned.policy;
  auto judged_targets =
      reloaded ? FindTargets(*current->policy, current->config.viewpoint, AnswersOf(targets))
               : targets;
  judged_targets.remembered = targets.remembered;
  auto judged = JudgeExposure(*current, judged_targets, &evidence);
  if (!judged) {
    RecordStorageFailure(StorageOperation::kCommit);
    parts_.metrics.RecordRunFailure(evidence.snapshot.run.scan, RunFailure::kStorage);
    return judged;
  }
  parts_.tell_storing(true);
  TellSight(current->config, evidence);
  return judged;
}

void Cycle::TellSight(const policy::Config& config, const RunEvidence& evidence) {
  std::set<std::string> scans;
  for (const auto& scan : config.scans) scans.insert(scan.name);
  const auto& scan = evidence.snapshot.run.scan;
  const std::lock_guard lock(mutex_);
  for (const auto family : kFamilies) {
    const bool blind = !evidence.snapshot.coverage.Trusted(family);
    if (blind) parts_.metrics.RecordRunFailure(scan, RunFailure::kBlind);
    const bool now =
        blindness_.After(scan, {family, blind, AnyOf(evidence.canaries_before, family)}, scans);
    parts_.metrics.SetBlind(family, now);
    auto& said = said_blind_.at(static_cast<std::size_t>(family));
    if (std::exchange(said, now) == now) continue;
    Log(LogLevel::kWarning,
        now ? "this viewpoint is blind; findings are frozen" : "this viewpoint sees again",
        {{"family", std::string(ToString(family))}, {"scan", scan}});
  }
}

std::vector<Family> Cycle::BlindFamilies() {
  const std::lock_guard lock(mutex_);
  std::vector<Family> families;
  for (const auto family : kFamilies) {
    if (said_blind_.at(static_cast<std::size_t>(family))) families.push_back(family);
  }
  return families;
}

Result<void> Cycle::JudgePolicy() {
  const auto setup = parts_.setup.Get();
  const auto targets = FindTargets(*setup->policy, setup->config.viewpoint, parts_.resolver);
  const auto judged = JudgeExposure(*setup, targets, nullptr);
  if (!judged) {
    RecordStorageFailure(StorageOperation::kCommit);
    return judged.error();
  }
  parts_.wake_delivery();  // labels and owners may be others
  return {};
}

Result<Judged> Cycle::JudgeExposure(const Setup& setup, const Targets& targets,
                                    RunEvidence* evidence) {
  const auto asked =
      PortsAsked(*setup.policy, setup.config.viewpoint, setup.config.scans, targets.list);
  const auto unanswered =
      PortsAsked(*setup.policy, setup.config.viewpoint, setup.config.scans, targets.unanswered);
  return Judge(setup, [&](storage::Store& store) {
    auto judged = JudgeAndCommit(store, setup, targets, evidence, parts_.clock.Now());
    if (judged) {
      auto endpoints = CountEndpoints(judged->addresses, asked);
      AddUnanswered(targets.unanswered, unanswered, endpoints);
      parts_.metrics.SetEndpoints(endpoints);
      parts_.metrics.SetHosts(CountHosts(judged->addresses, targets.unanswered, judged->findings));
    }
    return judged;
  });
}

Result<Judged> Cycle::Judge(const Setup& setup, const JudgingWork& work) {
  auto judged = parts_.storage.Run([&](storage::Store& store) {
    auto committed = work(store);
    if (committed) {
      parts_.metrics.SetFindings(committed->findings,
                                 static_cast<std::size_t>(setup.config.finding_series_limit));
      // What it could not mark is marked before it is delivered.
      auto held = FollowWindows(store, setup.config, parts_.windows(), parts_.clock.Now());
      if (!held) parts_.metrics.RecordStorageError(StorageOperation::kCommit);
      PublishOutboxes(store, setup.config, parts_.metrics);
    }
    return committed;
  });
  if (!judged || judged->transitions.empty()) return judged;
  parts_.wake_delivery();
  LogTransitions(*judged);
  return judged;
}

void Cycle::RecordStorageFailure(StorageOperation operation) {
  parts_.metrics.RecordStorageError(operation);
  parts_.tell_storing(false);
}

TimePoint Cycle::TimeOfAges() {
  AgeClock::Reading reading;
  {
    const std::lock_guard lock(mutex_);
    reading = age_clock_.Read(parts_.clock.Now(), Elapsed(parts_.clock));
  }
  if (reading.leapt) {
    Log(LogLevel::kInfo,
        "the clock is ahead of the last run and the time since by more than an hour; "
        "for a day nothing is removed for its age");
  }
  return reading.time;
}

// A step after each run: what expires in between is less than a step takes.
void Cycle::RemoveExpired(const policy::Config& config) {
  auto expiry = ExpiryAt(config.retention, TimeOfAges());
  expiry.receivers.emplace();
  for (const auto& instance : InstancesOf(config)) expiry.receivers->insert(instance.name);
  const auto log_bytes = parts_.storage.Run([&](storage::Store& store) -> Result<std::uint64_t> {
    if (const auto removed = store.RemoveExpired(expiry); !removed) return removed.error();
    PublishOutboxes(store, config, parts_.metrics);
    return store.LogBytes();
  });
  if (log_bytes) return parts_.metrics.SetStorageLog(*log_bytes);
  parts_.metrics.RecordStorageError(StorageOperation::kRetention);
  Log(LogLevel::kWarning, "what is too old cannot be removed",
      {{"error", log_bytes.error().message}});
}

void Cycle::PublishAge(const policy::ScanConfig& scan) {
  const auto observations = parts_.storage.Run(
      [&](storage::Store& store) { return store.ObservationsOf(scan.name, RunsPerRound(scan)); });
  if (observations) {
    parts_.metrics.SetOldestObservation(scan.name, observations->oldest);
  } else {
    parts_.metrics.RecordStorageError(StorageOperation::kRead);
  }
}

// Once for each name, until it resolves: `expected` runs every minute, and what is wrong with a
// name may change each time.
void Cycle::WarnOfNames(const Targets& targets) {
  std::set<std::string> said;
  {
    const std::lock_guard lock(mutex_);
    said = std::exchange(said_of_names_, {});
    for (const auto& failure : targets.failures) said_of_names_.insert(failure.name);
  }
  std::size_t lines = 0;
  for (const auto& failure : targets.failures) {
    if (said.contains(failure.name) || ++lines > kLongestLogSeries) continue;
    Log(LogLevel::kWarning, "name does not resolve; what is behind it is unknown",
        {{"name", failure.name}, {"detail", failure.error}});
  }
  if (lines <= kLongestLogSeries) return;
  Log(LogLevel::kWarning, "more names do not resolve",
      {{"count", std::to_string(lines - kLongestLogSeries)}});
}

// Once for each family, until a run can send over it.
void Cycle::WarnOfRoutes(const Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  for (const auto family : kFamilies) {
    const bool asked = std::ranges::any_of(snapshot.addresses, [&](const AddressStates& states) {
      return states.address.family() == family;
    });
    if (!asked) continue;
    const bool lacks = LacksRoute(snapshot, family);
    if (!std::exchange(said_no_route_.at(static_cast<std::size_t>(family)), lacks) && lacks) {
      LogLackOfRoute(family, snapshot.run.viewpoint);
    }
  }
}

Result<void> Cycle::ChangeFinding(const std::string& id, const FindingChange& change) {
  const auto setup = parts_.setup.Get();
  const auto judged = Judge(
      *setup, [&](storage::Store& store) { return ChangeAndCommit(store, *setup, id, change); });
  if (!judged) return judged.error();
  return {};
}

Result<std::int64_t> Cycle::Redeliver(const std::string& receiver) {
  auto count = parts_.storage.Run([&](storage::Store& store) {
    auto queued = store.Redeliver(receiver);
    PublishOutboxes(store, parts_.setup.Get()->config, parts_.metrics);
    return queued;
  });
  if (count) parts_.wake_delivery();
  return count;
}

Result<void> Cycle::Remember(const Setup& setup, Targets& targets) {
  if (targets.unresolved.empty()) return {};
  const auto memory = parts_.storage.Run([](storage::Store& store) { return store.Names(); });
  if (!memory) return memory.error();
  daemon::Remember(*setup.policy, setup.config.viewpoint, *memory, targets);
  return {};
}

}  // namespace postern::daemon

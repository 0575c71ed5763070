#include "daemon/recheck.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/guarded.h"
#include "daemon/cycle.h"
#include "daemon/run_info.h"

namespace postern::daemon {
namespace {

// The scan that the runs of rechecks have in the store; no configured one can have this name.
constexpr const char* kScan = "(recheck)";
// By both methods at least, and no more often than a person waits for.
constexpr int kMinRuns = 2;
constexpr int kMaxRuns = 5;
// Of a finding of many ports, so many show what became of it.
constexpr std::size_t kMaxPorts = 64;

Result<void> CheckKind(const Finding& finding) {
  if (finding.state == FindingState::kResolved) {
    return Error{"finding " + DisplayId(finding) +
                 " has ended; it returns by itself when it is seen again"};
  }
  if (SubjectOf(finding.drift.kind) == DriftSubject::kPorts && !IsEvent(finding.drift.kind)) {
    return {};
  }
  return Error{"a finding of kind " + std::string(ToString(finding.drift.kind)) +
               " is of no port that could be asked; the next run of its scan looks again"};
}

scanner::ScanPlan PlanOf(const Finding& finding, const Targets& targets) {
  const auto ports = finding.drift.ports.Slice(0, std::min(kMaxPorts, finding.drift.ports.size()));
  scanner::ScanPlan plan;
  for (const auto& target : targets.list) {
    if (target.subject != finding.drift.subject) continue;
    plan.Add({Prefix(target.address, target.address.bits())}, ports);
  }
  return plan;
}

RecheckResult ResultOf(const Finding& finding, std::int64_t run, bool blind) {
  if (finding.state == FindingState::kResolved) {
    const bool fixed = finding.resolution == Resolution::kFixed;
    return {
        fixed ? RecheckOutcome::kFixed : RecheckOutcome::kCouldNotTell,
        fixed ? finding.resolved_by : "it ended as " + std::string(ToString(*finding.resolution))};
  }
  if (finding.unverified_since) {
    return {RecheckOutcome::kCouldNotTell,
            "its address gives no sign of life, or changed as a whole, since " +
                FormatTime(*finding.unverified_since) + ": it is off, or refuses this scanner"};
  }
  if (finding.last_run == run && finding.agreeing == 0) return {RecheckOutcome::kStillOpen, {}};
  if (finding.last_run == run) {
    return {RecheckOutcome::kCouldNotTell,
            std::to_string(finding.agreeing) + " runs agree with the policy, and more are needed"};
  }
  if (blind) return {RecheckOutcome::kCouldNotTell, "this viewpoint is blind"};
  return {RecheckOutcome::kCouldNotTell,
          "it could not be asked: the scope, a quiet hour or a fault of this machine forbade it"};
}

}  // namespace

std::string_view ToString(RecheckOutcome outcome) {
  switch (outcome) {
    case RecheckOutcome::kFixed:
      return "fixed";
    case RecheckOutcome::kStillOpen:
      return "still_open";
    case RecheckOutcome::kCouldNotTell:
      return "could_not_tell";
  }
  return {};
}

Result<std::optional<RecheckResult>> Rechecks::Ask(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (id_ == id && result_) {
    auto result = *std::exchange(result_, std::nullopt);
    id_.clear();
    if (!result) return result.error();
    return std::optional(*std::move(result));
  }
  if (!id_.empty() && !result_) {
    if (id_ == id) return std::optional<RecheckResult>();
    return Error{"finding " + id_ + " is being asked again; wait for that"};
  }
  try {
    Start(id);
  } catch (const std::system_error& error) {
    return Error{"no thread can be started for it: " + std::string(error.what())};
  }
  return std::optional<RecheckResult>();
}

// The thread before it is done, so that waiting for its end takes no time.
void Rechecks::Start(const std::string& id) {
  thread_ = std::jthread([this, id](const std::stop_token& stop) {
    Result<RecheckResult> result = Error{"the recheck ended early"};
    if (const auto done = Guarded([&] { result = work_(id, stop); }); !done) result = done.error();
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  });
  id_ = id;
  result_.reset();
}

Result<RecheckResult> Cycle::Recheck(const std::string& id, const std::stop_token& stop) {
  const auto find = [&]() -> Result<Finding> {
    auto found = parts_.storage.Run([&](storage::Store& store) { return store.FindFinding(id); });
    if (!found) return found.error();
    if (!*found) return Error{"there is no finding " + id + "; `postern findings list` has them"};
    return **std::move(found);
  };
  auto finding = find();
  if (!finding) return finding.error();
  if (auto fit = CheckKind(*finding); !fit) return fit.error();

  const auto setup = parts_.setup.Get();
  const int runs = std::clamp(setup->config.confirm.resolve_after, kMinRuns, kMaxRuns);
  std::int64_t last = 0;
  bool blind = false;
  for (int i = 0; i < runs && finding->state != FindingState::kResolved; ++i) {
    const auto method = i % 2 == 0 ? scanner::Method::kAuto : scanner::Method::kConnect;
    const auto run = RecheckOnce(*setup, *finding, method, stop);
    if (!run) return run.error();
    if (!*run) return Error{"the recheck was stopped"};
    last = (*run)->run.id;
    blind = !(*run)->coverage.Trusted(finding->drift.address.family());
    finding = find();
    if (!finding) return finding.error();
  }
  return ResultOf(*finding, last, blind);
}

Result<std::optional<Snapshot>> Cycle::RecheckOnce(const Setup& setup, const Finding& finding,
                                                   scanner::Method method,
                                                   const std::stop_token& stop) {
  auto targets = FindTargets(*setup.policy, setup.config.viewpoint, parts_.resolver);
  if (auto remembered = Remember(setup, targets); !remembered) return remembered.error();
  RunPlan plan;
  plan.endpoints = PlanOf(finding, targets);
  RunInfo info = NewRun(setup, kScan, Stage::kExpected, parts_.clock.Now());
  auto begun = BeginApart(std::move(plan), targets, info);
  if (!begun) return begun.error();
  begun->method = method;
  Coverage before;
  before.complete = true;  // nothing was to be done before its probes
  return Conduct(setup, targets, *begun, info, before, stop);
}

}  // namespace postern::daemon

// One run of a scan, from plan to delivery: the spine of the product.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "core/time.h"
#include "daemon/blindness.h"
#include "daemon/change_windows.h"
#include "daemon/discovery.h"
#include "daemon/judging.h"
#include "daemon/recheck.h"
#include "daemon/retention.h"
#include "daemon/run_plan.h"
#include "daemon/setup.h"
#include "daemon/storage_thread.h"
#include "exporters/metrics.h"
#include "scanner/method.h"
#include "scanner/rate_limiter.h"

namespace postern::daemon {

// Thread-safe: the scans of a configuration run on threads of their own, through one Cycle. What it
// is given must outlive it.
class Cycle {
 public:
  struct Parts {
    CurrentSetup& setup;
    StorageThread& storage;
    scanner::RateLimiter& limiter;
    exporters::Metrics& metrics;
    const Clock& clock;
    Resolver resolver;
    std::function<void()> wake_delivery;
    std::function<void(bool)> tell_storing;  // whether the store took what it was given last
    // The windows of change in force; called on the storage thread.
    std::function<std::vector<ActiveWindow>()> windows = [] { return std::vector<ActiveWindow>(); };
  };

  explicit Cycle(Parts parts);

  // Runs `scan` once: its plan, its probes, its confirmations; then compares, advances the
  // findings, commits and wakes the delivery. A run that `stop` ends is aborted and compared with
  // nothing; nor is one during which the machine was suspended: replies to it are lost, and silence
  // proves nothing. The run keeps the setup that it started with; only its scope follows the setup
  // in force.
  Result<void> Run(const policy::ScanConfig& scan, const std::stop_token& stop);

  // Publishes how old the oldest observation is that `scan` rests on.
  void PublishAge(const policy::ScanConfig& scan);

  // Judges what is known anew, without a packet: after the policy changed, and at the start.
  Result<void> JudgePolicy();

  // Does to a finding what a person asks for, and lets the receivers know.
  Result<void> ChangeFinding(const std::string& id, const FindingChange& change);

  // Asks the endpoints of a finding now, under the caps: by the usual method and by connections, in
  // runs of their own that move findings by the same rules as every run. An error where there is no
  // such finding, or where it is of no port.
  Result<RecheckResult> Recheck(const std::string& id, const std::stop_token& stop);

  // The families that this viewpoint cannot be believed in at present.
  std::vector<Family> BlindFamilies();

  // Lets what `receiver` refused (empty: every receiver) be delivered once more; how much that is.
  Result<std::int64_t> Redeliver(const std::string& receiver);
  // Does `work` on the storage thread, and lets metrics, receivers and log know what it changed.
  // The metrics follow on that thread, so that an older judgement cannot overwrite a newer one.
  Result<Judged> Judge(const Setup& setup, const JudgingWork& work);

 private:
  struct Begun {
    RunPlan plan;
    std::int64_t run = 0;
    std::vector<Finding> findings;
    std::vector<AddressStates> known;  // of the policy's hosts
    Absences absences;
    PortSet unlisted_ports;    // stage `discover`: what each host that it finds is asked
    Duration suspended{};      // as the clock had it when the run began
    std::string ports_secret;  // of drift/all_ports.h
    scanner::Method method = scanner::Method::kAuto;
  };

  Result<Begun> Begin(const Setup& setup, const policy::ScanConfig& scan, const Targets& targets,
                      const std::vector<Target>& asked, RunInfo& info);
  // Begins a run of this plan besides the schedule, and gives it its id.
  Result<Begun> BeginApart(RunPlan plan, const Targets& targets, RunInfo& info);
  Result<std::optional<Snapshot>> RecheckOnce(const Setup& setup, const Finding& finding,
                                              scanner::Method method, const std::stop_token& stop);
  RunEvidence Observe(const Setup& setup, const Targets& targets, const Begun& begun,
                      const RunInfo& info, const std::stop_token& stop);
  // The part of a run that stage `discover` begins with: looks for unlisted hosts, and adds what
  // they are to be asked to `request`.
  Coverage Discover(const Setup& setup, const Targets& targets, const Begun& begun,
                    const RunInfo& info, scanner::ScanRequest& request, RunEvidence& evidence,
                    const std::stop_token& stop);
  // Asks addresses that are silent, or that changed as a whole, for a sign of life.
  void AskForSigns(const Setup& setup, const Begun& begun, RunEvidence& evidence,
                   const std::stop_token& stop);
  // The addresses whose ports the run asks, and what it took to find them.
  AnsweringTargets WhoIsAsked(const policy::ScanConfig& scan, const Targets& targets,
                              const RunInfo& info, const std::stop_token& stop);
  // Whether a packet may be sent there now, by the setup in force.
  bool MayProbe(const IpAddress& address) const;
  // From the probes of a begun run to its commit; none if the run was void and is aborted.
  Result<std::optional<Snapshot>> Conduct(const Setup& setup, const Targets& targets,
                                          const Begun& begun, const RunInfo& info,
                                          const Coverage& before, const std::stop_token& stop);
  // Asks the slow hosts of a run for what they had not answered when nobody waited for them any
  // longer: a run of its own, which ends before the scan's next one is due, `interval` after the
  // start of `run`.
  Result<void> AskSlowHosts(const Setup& setup, const Targets& targets, const Snapshot& run,
                            Duration interval, const std::stop_token& stop);
  Result<void> Abort(std::int64_t run);
  Result<Judged> Commit(const Setup& pinned, const Targets& targets, RunEvidence& evidence);
  // Whether this viewpoint can be believed, by the metric and, where that changes, the log.
  void TellSight(const policy::Config& config, const RunEvidence& evidence);
  // Of all that is known, and of a run if there is one.
  Result<Judged> JudgeExposure(const Setup& setup, const Targets& targets, RunEvidence* evidence);
  void RecordStorageFailure(exporters::StorageOperation operation);
  TimePoint TimeOfAges();
  void RemoveExpired(const policy::Config& config);
  void WarnOfNames(const Targets& targets);
  void WarnOfRoutes(const Snapshot& snapshot);
  // Fills in where the names that do not resolve now last led to.
  Result<void> Remember(const Setup& setup, Targets& targets);

  Parts parts_;
  std::mutex mutex_;
  // Guarded by mutex_.
  AgeClock age_clock_;
  // What the log has said already.
  std::set<std::string> said_of_names_;
  std::array<bool, 2> said_blind_{};     // by family
  std::array<bool, 2> said_no_route_{};  // by family
  Blindness blindness_;
};

}  // namespace postern::daemon

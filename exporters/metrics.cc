#include "exporters/metrics.h"

#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

#include "core/enum_names.h"
#include "exporters/process_metrics.h"
#include "exporters/series.h"

namespace postern::exporters {
namespace {

constexpr EnumNames<RunFailure, 5> kRunFailures = {{
    {RunFailure::kIncomplete, "incomplete"},
    {RunFailure::kBlind, "blind"},
    {RunFailure::kStorage, "storage"},
    {RunFailure::kSuspended, "suspended"},
    {RunFailure::kNotCovered, "not_covered"},
}};

constexpr EnumNames<StorageOperation, 6> kStorageOperations = {{
    {StorageOperation::kBeginRun, "begin_run"},
    {StorageOperation::kCommit, "commit"},
    {StorageOperation::kAbortRun, "abort_run"},
    {StorageOperation::kRead, "read"},
    {StorageOperation::kAcknowledge, "acknowledge"},
    {StorageOperation::kRetention, "retention"},
}};

constexpr std::array kPortStates = {PortState::kUnknown, PortState::kOpen, PortState::kClosed,
                                    PortState::kFiltered, PortState::kOpenFiltered};
constexpr std::array kSeverities = {Severity::kInfo, Severity::kWarning, Severity::kCritical};

// The errors of connect(2) and sendto(2) that are this machine's own, so that each has a series
// before it happens. Others add theirs when they come.
constexpr std::array<std::string_view, 7> kSendErrors = {
    "EACCES", "EADDRNOTAVAIL", "EHOSTUNREACH", "EMFILE", "ENETUNREACH", "ENOBUFS", "EPERM"};
constexpr std::array<std::string_view, 13> kDeliveryFailures = {
    "timeout",  "connect",  "tls",     "protocol", "http_3xx", "http_4xx",  "http_5xx",
    "smtp_4xx", "smtp_5xx", "storage", "secret",   "refused",  "unanswered"};

// In seconds: from a scan of a few ports to a day.
const prometheus::Histogram::BucketBoundaries kDurationBuckets = {
    1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400};

double Seconds(TimePoint time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

double SecondsOrZero(std::optional<TimePoint> time) { return time ? Seconds(*time) : 0; }

// The severest first, then the oldest.
bool MattersMore(const Finding* a, const Finding* b) {
  return std::tuple(b->drift.severity, a->opened, a->id) <
         std::tuple(a->drift.severity, b->opened, b->id);
}

std::vector<const Finding*> OpenFindings(const std::vector<Finding>& findings) {
  std::vector<const Finding*> open;
  for (const Finding& finding : findings) {
    if (finding.state == FindingState::kOpen) open.push_back(&finding);
  }
  std::ranges::sort(open, MattersMore);
  return open;
}

}  // namespace

std::string_view ToString(RunFailure failure) { return NameOf(kRunFailures, failure); }

std::string_view ToString(StorageOperation operation) {
  return NameOf(kStorageOperations, operation);
}

class Metrics::Impl {
 public:
  std::mutex mutex;  // guards everything below

 private:
  std::deque<Series> all_;

  Series& Gauge(std::string name, std::string help, std::vector<std::string> labels = {}) {
    return all_.emplace_back(prometheus::MetricType::Gauge, std::move(name), std::move(help),
                             std::move(labels));
  }
  Series& Counter(std::string name, std::string help, std::vector<std::string> labels = {}) {
    return all_.emplace_back(prometheus::MetricType::Counter, std::move(name), std::move(help),
                             std::move(labels));
  }

 public:
  Series& build_info = Gauge("postern_build_info", "Always 1; the program's version.", {"version"});
  Series& viewpoint_info = Gauge("postern_viewpoint_info",
                                 "Always 1; the place that this daemon looks from.", {"viewpoint"});
  Series& policy_info =
      Gauge("postern_policy_info",
            "Always 1; the policy in force, by its SHA-256, and who authorised its scope.",
            {"hash", "authorized_by"});
  Series& web_reload_successful = Gauge(
      "postern_web_config_last_reload_successful",
      "Whether the web configuration, its certificate and its key could be used when last read.");
  Series& failed_logins =
      Counter("postern_http_failed_logins_total", "Requests with a wrong user or password.");
  Series& reload_successful = Gauge(
      "postern_config_last_reload_successful",
      "Whether the last load of policy and configuration succeeded; 0: an older one is used.");
  Series& reload_time = Gauge("postern_config_last_reload_success_timestamp_seconds",
                              "When policy and configuration were last loaded with success.");
  Series& paused = Gauge("postern_paused", "Whether an operator paused all probing.");
  Series& probing_since =
      Gauge("postern_probing_since_timestamp_seconds",
            "Since when neither a pause nor quiet hours keep probes back; 0 while one does.");
  Series& endpoints = Gauge(
      "postern_endpoints",
      "Endpoints of the policy's hosts by the state they were last seen in, and those that the "
      "scans ask of which none is known.",
      {"family", "protocol", "state"});
  Series& hosts = Gauge("postern_hosts",
                        "Hosts of the policy: up (answered something), silent, or unknown (not "
                        "seen by a trusted run); and unlisted ones in its networks.",
                        {"status"});
  Series& findings = Gauge("postern_findings", "Findings by kind, severity and state of life.",
                           {"kind", "severity", "state"});
  Series& finding_info =
      Gauge("postern_finding_info", "Always 1; one series for each open finding, up to a limit.",
            {"id", "host", "address", "protocol", "port", "kind", "severity", "policy_owner"});
  Series& finding_series_dropped =
      Gauge("postern_finding_series_dropped",
            "Open findings beyond finding_series_limit, which have no postern_finding_info.");
  Series& last_success = Gauge("postern_scan_last_success_timestamp_seconds",
                               "End of the scan's last complete run; 0: none yet.", {"scan"});
  Series& interval =
      Gauge("postern_scan_interval_seconds",
            "Longest time between the starts of two runs, for a sweep of its slices.", {"scan"});
  Series& configured_since =
      Gauge("postern_scan_configured_since_timestamp_seconds",
            "Since when this process has had the scan in its configuration.", {"scan"});
  Series& runs =
      Counter("postern_scan_runs_total", "Finished runs, for a sweep its slices.", {"scan"});
  Series& run_failures =
      Counter("postern_scan_failures_total", "Runs that brought nothing, or less than they should.",
              {"scan", "reason"});
  Series& oldest_observation =
      Gauge("postern_coverage_oldest_observation_timestamp_seconds",
            "Time of the oldest observation that the scan's endpoints rest on; 0: some were never "
            "observed.",
            {"scan"});
  Series& coverage_limit = Gauge(
      "postern_coverage_limit_seconds",
      "How old the scan's oldest observation may get before its coverage is stale.", {"scan"});
  Series& blind = Gauge("postern_viewpoint_blind",
                        "Whether the canaries say that this viewpoint cannot be believed; "
                        "findings of the family are frozen meanwhile.",
                        {"family"});
  Series& probes =
      Counter("postern_probes_sent_total",
              "Probes sent; retransmits, confirmations and canaries included.", {"protocol"});
  Series& replies = Counter("postern_replies_received_total", "Answers to probes.", {"protocol"});
  Series& retransmits = Counter("postern_retransmits_total", "Probes sent again after silence.");
  Series& capture_drops =
      Counter("postern_capture_drops_total",
              "Packets that the capture lost; the endpoints concerned are asked again.");
  Series& send_errors =
      Counter("postern_send_errors_total",
              "Probes that this machine could not send, by errno; never a verdict on a target.",
              {"reason"});
  Series& notifications = Counter(
      "postern_notifications_total",
      "Deliveries of which the receiver took something, regular re-sends included.", {"receiver"});
  Series& notification_failures = Counter(
      "postern_notification_failures_total",
      "Deliveries that the receiver refused or that did not reach it.", {"receiver", "reason"});
  Series& failing_since = Gauge(
      "postern_receiver_failing_since_timestamp_seconds",
      "Since when every delivery to the receiver fails; 0: the last one did not.", {"receiver"});
  Series& change_windows =
      Gauge("postern_change_windows_active", "Windows of change that hold notifications now.");
  Series& held = Gauge("postern_notifications_held",
                       "Transitions that wait for the end of a window of change.", {"receiver"});
  Series& outbox_pending =
      Gauge("postern_outbox_pending",
            "Transitions of findings that the receiver has not taken yet; what is held left out.",
            {"receiver"});
  Series& outbox_oldest =
      Gauge("postern_outbox_oldest_timestamp_seconds",
            "Time of the oldest transition that waits; 0: none waits.", {"receiver"});
  Series& outbox_delay =
      Gauge("postern_outbox_delay_seconds",
            "How long transitions are held back on purpose: the digest of a mail receiver.",
            {"receiver"});
  Series& dead_letters = Gauge(
      "postern_outbox_dead_letters",
      "Notifications that the receiver refused, until they are delivered once more.", {"receiver"});
  Series& storage_errors = Counter("postern_storage_errors_total",
                                   "Operations of the store that failed.", {"operation"});
  Series& storage_log =
      Gauge("postern_storage_log_bytes",
            "Size of the store's write-ahead log; it grows while a reader does not let go.");

  std::set<std::string> scans;
  std::set<std::string> receivers;
  std::map<std::string, prometheus::Histogram> durations;  // by scan

  void Set(Series& series, const Series::Values& labels, double value) {
    const std::lock_guard lock(mutex);
    series.At(labels) = value;
  }
  // Sets the series of a receiver that is configured.
  void SetOfReceiver(Series& series, std::string_view receiver, double value) {
    const std::lock_guard lock(mutex);
    if (receivers.contains(std::string(receiver))) series.At({receiver}) = value;
  }

  std::vector<prometheus::MetricFamily> Collect() const {
    std::vector<prometheus::MetricFamily> families;
    for (const Series& series : all_) families.push_back(series.Collect());
    prometheus::MetricFamily& family = families.emplace_back();
    family.name = "postern_scan_duration_seconds";
    family.help = "How long the scan's runs took, for a sweep its slices.";
    family.type = prometheus::MetricType::Histogram;
    for (const auto& [scan, histogram] : durations) {
      family.metric.push_back(histogram.Collect());
      family.metric.back().label = {{"scan", LabelText(scan)}};
    }
    return families;
  }
};

Metrics::Metrics(std::string_view version) : impl_(std::make_unique<Impl>()) {
  impl_->build_info.At({version}) = 1;
  impl_->reload_successful.At({}) = 0;
  impl_->web_reload_successful.At({}) = 0;
  impl_->failed_logins.At({}) = 0;
  impl_->reload_time.At({}) = 0;
  impl_->paused.At({}) = 0;
  impl_->change_windows.At({}) = 0;
  impl_->probing_since.At({}) = 0;
  impl_->retransmits.At({}) = 0;
  impl_->capture_drops.At({}) = 0;
  for (const Family family : kFamilies) impl_->blind.At({ToString(family)}) = 0;
  for (const Protocol protocol : kProtocols) {
    impl_->probes.At({ToString(protocol)}) = 0;
    impl_->replies.At({ToString(protocol)}) = 0;
  }
  for (const std::string_view error : kSendErrors) impl_->send_errors.At({error}) = 0;
  for (const auto& [operation, name] : kStorageOperations) impl_->storage_errors.At({name}) = 0;
  impl_->storage_log.At({}) = 0;
  SetFindings({}, 0);
  SetEndpoints({});
  SetHosts({});
}

Metrics::~Metrics() = default;

void Metrics::SetViewpoint(std::string_view name) {
  const std::lock_guard lock(impl_->mutex);
  impl_->viewpoint_info.Clear();
  impl_->viewpoint_info.At({name}) = 1;
}

void Metrics::SetPolicy(std::string_view hash, std::string_view authorized_by) {
  const std::lock_guard lock(impl_->mutex);
  impl_->policy_info.Clear();
  impl_->policy_info.At({hash, authorized_by}) = 1;
}

void Metrics::SetScans(const std::vector<std::string>& names) {
  const std::lock_guard lock(impl_->mutex);
  impl_->scans = {names.begin(), names.end()};
  for (Series* series : {&impl_->last_success, &impl_->interval, &impl_->configured_since,
                         &impl_->runs, &impl_->oldest_observation, &impl_->coverage_limit}) {
    series->Retain(impl_->scans);
    for (const std::string& scan : impl_->scans) series->At({scan});
  }
  impl_->run_failures.Retain(impl_->scans);
  std::erase_if(impl_->durations,
                [&](const auto& one) { return !impl_->scans.contains(one.first); });
  for (const std::string& scan : impl_->scans) {
    for (const auto& [failure, name] : kRunFailures) impl_->run_failures.At({scan, name});
    impl_->durations.try_emplace(scan, kDurationBuckets);
  }
}

void Metrics::SetSchedule(std::string_view scan, const ScanSchedule& schedule, TimePoint now) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->scans.contains(std::string(scan))) return;
  impl_->interval.At({scan}) = Seconds(schedule.interval);
  impl_->coverage_limit.At({scan}) = Seconds(schedule.coverage_limit);
  double& since = impl_->configured_since.At({scan});
  if (since == 0) since = Seconds(now);
}

void Metrics::SetReceivers(const std::vector<std::string>& names) {
  const std::lock_guard lock(impl_->mutex);
  impl_->receivers = {names.begin(), names.end()};
  for (Series* series :
       {&impl_->notifications, &impl_->failing_since, &impl_->outbox_pending, &impl_->outbox_oldest,
        &impl_->outbox_delay, &impl_->dead_letters, &impl_->held}) {
    series->Retain(impl_->receivers);
    for (const std::string& receiver : impl_->receivers) series->At({receiver});
  }
  impl_->notification_failures.Retain(impl_->receivers);
  for (const std::string& receiver : impl_->receivers) {
    for (const std::string_view reason : kDeliveryFailures) {
      impl_->notification_failures.At({receiver, reason});
    }
  }
}

void Metrics::RecordReload(bool ok, TimePoint now) {
  const std::lock_guard lock(impl_->mutex);
  impl_->reload_successful.At({}) = ok ? 1 : 0;
  if (ok) impl_->reload_time.At({}) = Seconds(now);
}

void Metrics::RecordWebReload(bool ok) { impl_->Set(impl_->web_reload_successful, {}, ok ? 1 : 0); }

void Metrics::RecordFailedLogin() {
  const std::lock_guard lock(impl_->mutex);
  ++impl_->failed_logins.At({});
}

void Metrics::SetPaused(bool paused) { impl_->Set(impl_->paused, {}, paused ? 1 : 0); }

void Metrics::SetProbing(bool allowed, TimePoint now) {
  const std::lock_guard lock(impl_->mutex);
  double& since = impl_->probing_since.At({});
  if (!allowed) {
    since = 0;
  } else if (since == 0) {
    since = Seconds(now);
  }
}

void Metrics::RecordTraffic(const Coverage& coverage) {
  const std::lock_guard lock(impl_->mutex);
  const auto add = [](Series& series, std::uint64_t all, std::uint64_t udp) {
    series.At({ToString(Protocol::kTcp)}) += static_cast<double>(all - udp);
    series.At({ToString(Protocol::kUdp)}) += static_cast<double>(udp);
  };
  add(impl_->probes, coverage.probes_sent, coverage.udp_probes_sent);
  add(impl_->replies, coverage.replies, coverage.udp_replies);
  impl_->retransmits.At({}) += static_cast<double>(coverage.retransmits);
  impl_->capture_drops.At({}) += static_cast<double>(coverage.capture_drops);
  for (const auto& [error, count] : coverage.send_errors) {
    impl_->send_errors.At({error}) += static_cast<double>(count);
  }
}

void Metrics::RecordRun(const Snapshot& snapshot, double seconds) {
  const std::lock_guard lock(impl_->mutex);
  const std::string& scan = snapshot.run.scan;
  if (!impl_->scans.contains(scan)) return;  // a reload took it away while it ran
  impl_->runs.At({scan}) += 1;
  impl_->durations.at(scan).Observe(seconds);
  if (snapshot.coverage.complete) impl_->last_success.At({scan}) = Seconds(snapshot.run.finished);
}

void Metrics::RecordRunFailure(std::string_view scan, RunFailure reason) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->scans.contains(std::string(scan))) return;
  impl_->run_failures.At({scan, ToString(reason)}) += 1;
}

void Metrics::SetLastSuccess(std::string_view scan, std::optional<TimePoint> time) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->scans.contains(std::string(scan))) return;
  impl_->last_success.At({scan}) = SecondsOrZero(time);
}

void Metrics::SetOldestObservation(std::string_view scan, std::optional<TimePoint> time) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->scans.contains(std::string(scan))) return;
  impl_->oldest_observation.At({scan}) = SecondsOrZero(time);
}

void Metrics::SetBlind(Family family, bool blind) {
  impl_->Set(impl_->blind, {ToString(family)}, blind ? 1 : 0);
}

void Metrics::SetFindings(const std::vector<Finding>& findings, std::size_t series_limit) {
  const std::vector<const Finding*> open = OpenFindings(findings);
  const std::size_t shown = std::min(open.size(), series_limit);

  const std::lock_guard lock(impl_->mutex);
  for (const DriftKind kind : kDriftKinds) {
    for (const Severity severity : kSeverities) {
      for (const FindingState state : kFindingStates) {
        impl_->findings.At({ToString(kind), ToString(severity), ToString(state)}) = 0;
      }
    }
  }
  for (const Finding& finding : findings) {
    impl_->findings.At({ToString(finding.drift.kind), ToString(finding.drift.severity),
                        ToString(finding.state)}) += 1;
  }
  impl_->finding_info.Clear();
  for (std::size_t i = 0; i < shown; ++i) {
    const Drift& drift = open[i]->drift;
    const DriftPlace place = PlaceOf(drift);
    impl_->finding_info.At({DisplayId(*open[i]), drift.host, place.address, place.protocol,
                            place.port, ToString(drift.kind), ToString(drift.severity),
                            drift.owner}) = 1;
  }
  impl_->finding_series_dropped.At({}) = static_cast<double>(open.size() - shown);
}

void Metrics::SetEndpoints(const EndpointCounts& counts) {
  const std::lock_guard lock(impl_->mutex);
  for (const Family family : kFamilies) {
    for (const Protocol protocol : kProtocols) {
      for (const PortState state : kPortStates) {
        const auto count = counts.find({family, protocol, state});
        impl_->endpoints.At({ToString(family), ToString(protocol), ToString(state)}) =
            count == counts.end() ? 0 : static_cast<double>(count->second);
      }
    }
  }
}

void Metrics::SetHosts(const HostCounts& counts) {
  const std::lock_guard lock(impl_->mutex);
  impl_->hosts.At({"up"}) = static_cast<double>(counts.up);
  impl_->hosts.At({"silent"}) = static_cast<double>(counts.silent);
  impl_->hosts.At({"unknown"}) = static_cast<double>(counts.unknown);
  impl_->hosts.At({"unlisted"}) = static_cast<double>(counts.unlisted);
}

void Metrics::SetOutbox(std::string_view receiver, std::size_t pending,
                        std::optional<TimePoint> oldest) {
  impl_->SetOfReceiver(impl_->outbox_pending, receiver, static_cast<double>(pending));
  impl_->SetOfReceiver(impl_->outbox_oldest, receiver, SecondsOrZero(oldest));
}

void Metrics::SetOutboxDelay(std::string_view receiver, Duration delay) {
  impl_->SetOfReceiver(impl_->outbox_delay, receiver, Seconds(delay));
}

void Metrics::SetDeadLetters(std::string_view receiver, std::size_t count) {
  impl_->SetOfReceiver(impl_->dead_letters, receiver, static_cast<double>(count));
}

void Metrics::SetHeldNotifications(std::string_view receiver, std::size_t count) {
  impl_->SetOfReceiver(impl_->held, receiver, static_cast<double>(count));
}

void Metrics::SetChangeWindows(std::size_t count) {
  impl_->Set(impl_->change_windows, {}, static_cast<double>(count));
}

void Metrics::RecordDelivery(std::string_view receiver) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->receivers.contains(std::string(receiver))) return;
  impl_->notifications.At({receiver}) += 1;
}

void Metrics::SetFailingSince(std::string_view receiver, std::optional<TimePoint> since) {
  impl_->SetOfReceiver(impl_->failing_since, receiver, SecondsOrZero(since));
}

void Metrics::RecordDeliveryFailure(std::string_view receiver, std::string_view reason) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->receivers.contains(std::string(receiver))) return;
  impl_->notification_failures.At({receiver, reason}) += 1;
}

void Metrics::RecordStorageError(StorageOperation operation) {
  const std::lock_guard lock(impl_->mutex);
  impl_->storage_errors.At({ToString(operation)}) += 1;
}

void Metrics::SetStorageLog(std::uint64_t bytes) {
  impl_->Set(impl_->storage_log, {}, static_cast<double>(bytes));
}

std::string Metrics::Render() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(impl_->mutex);
    families = impl_->Collect();
  }
  std::ranges::move(CollectProcess(), std::back_inserter(families));
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace postern::exporters

// Everything that Postern tells Prometheus, in the product's own terms; docs/metrics.md describes
// each metric. Known series exist with the value 0 from the start, so that a rate() or an absent()
// means what it says. A label value is made valid UTF-8 without NUL, because a single bad one would
// make Prometheus drop the whole scrape.
//
// Thread-safe: any thread may record while another renders, and a scrape never sees half of a
// SetFindings or SetEndpoints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/finding.h"
#include "core/snapshot.h"
#include "core/time.h"

namespace postern::exporters {

// Why a run of a scan brought nothing, or less than it should.
enum class RunFailure : std::uint8_t {
  kIncomplete,  // stopped, or out of time, before every endpoint had its turn
  kBlind,       // the canaries say that a family of this viewpoint cannot be believed
  kStorage,     // the run could not be kept
  kSuspended,   // the machine slept meanwhile: replies are lost
  kNotCovered,  // a network of a discovery was not looked at
};

// "incomplete", "blind", "storage", "suspended", "not_covered".
std::string_view ToString(RunFailure failure);

// What was asked of the store when it failed.
enum class StorageOperation : std::uint8_t {
  kBeginRun,
  kCommit,
  kAbortRun,
  kRead,
  kAcknowledge,
  kRetention
};

// "begin_run", "commit", "abort_run", "read", "acknowledge", "retention".
std::string_view ToString(StorageOperation operation);

using EndpointCounts = std::map<std::tuple<Family, Protocol, PortState>, std::uint64_t>;

// The policy's hosts, by what is known of them from this viewpoint, and those that it lacks.
struct HostCounts {
  std::uint64_t up = 0;        // answered something
  std::uint64_t silent = 0;    // asked, and silent on everything
  std::uint64_t unknown = 0;   // not seen by any trusted run
  std::uint64_t unlisted = 0;  // in its networks, and no host of it
};

// What the configuration asks of a scan.
struct ScanSchedule {
  Duration interval{};        // between the starts of two runs, at most; of a sweep: of two slices
  Duration coverage_limit{};  // how old its oldest observation may get
};

class Metrics {
 public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The present configuration. Series of scans and receivers that are no longer named vanish; those
  // that stay keep their values.
  void SetViewpoint(std::string_view name);
  void SetPolicy(std::string_view hash, std::string_view authorized_by);
  void SetScans(const std::vector<std::string>& names);
  // A scan counts as configured from its first schedule on.
  void SetSchedule(std::string_view scan, const ScanSchedule& schedule, TimePoint now);
  void SetReceivers(const std::vector<std::string>& names);
  // How long what waits for `receiver` is held back on purpose.
  void SetOutboxDelay(std::string_view receiver, Duration delay);
  // The outcome of loading policy and configuration, at the start as well; a failure keeps the time
  // of the last success.
  void RecordReload(bool ok, TimePoint now);
  // The outcome of reading the web configuration's files, certificate and key.
  void RecordWebReload(bool ok);
  // A wrong user or password for this server.
  void RecordFailedLogin();
  void SetPaused(bool paused);
  // Whether neither a pause nor quiet hours keep probes back, as of `now`.
  void SetProbing(bool allowed, TimePoint now);

  // What was just sent and received, whatever becomes of the run that it was for.
  void RecordTraffic(const Coverage& coverage);
  // A finished run (for a sweep: a slice) of run.scan, which took `seconds` on the monotonic clock.
  // Only a complete run moves the time of the last success.
  void RecordRun(const Snapshot& snapshot, double seconds);
  void RecordRunFailure(std::string_view scan, RunFailure reason);
  // The last success that the store remembers from before this process; none is 0.
  void SetLastSuccess(std::string_view scan, std::optional<TimePoint> time);
  // The age that the results of a scan may have at most; none while something was never observed.
  void SetOldestObservation(std::string_view scan, std::optional<TimePoint> time);
  void SetBlind(Family family, bool blind);

  // The present state as a whole: what is not in it is 0. postern_finding_info has the open ones,
  // at most `series_limit`, the severest and then the oldest first.
  void SetFindings(const std::vector<Finding>& findings, std::size_t series_limit);
  void SetEndpoints(const EndpointCounts& counts);
  void SetHosts(const HostCounts& counts);

  // Transitions that wait for `receiver`, and the time of the oldest; none is 0.
  void SetOutbox(std::string_view receiver, std::size_t pending, std::optional<TimePoint> oldest);
  // What `receiver` refused for good.
  void SetDeadLetters(std::string_view receiver, std::size_t count);
  // Transitions that wait for the end of a window of change.
  void SetHeldNotifications(std::string_view receiver, std::size_t count);
  // How many windows of change are in force.
  void SetChangeWindows(std::size_t count);
  void RecordDelivery(std::string_view receiver);
  // Since when every delivery fails; none: the last one did not.
  void SetFailingSince(std::string_view receiver, std::optional<TimePoint> since);
  // `reason` is one of DeliveryOutcome's.
  void RecordDeliveryFailure(std::string_view receiver, std::string_view reason);

  void RecordStorageError(StorageOperation operation);
  // Size of the store's write-ahead log.
  void SetStorageLog(std::uint64_t bytes);

  // Prometheus's text format 0.0.4, sorted. Serve it with kMetricsContentType.
  std::string Render() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace postern::exporters

// The store: runs with their snapshots, findings with their life, and the outbox, in one SQLite
// database. One transaction commits all that a run changed.
//
// A snapshot is kept as what differs from a host's most common state, and every row holds from the
// run that first saw it until the run that saw something else: a run in which nothing changed adds
// one row. docs/storage.md has the schema and its reading rules.
//
// Not thread-safe: the daemon keeps it on its storage thread. Any number of processes may read
// (Access::kRead) while one writes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/absence.h"
#include "core/change_window.h"
#include "core/evidence.h"
#include "core/finding.h"
#include "core/name_memory.h"
#include "core/port_set.h"
#include "core/result.h"
#include "core/snapshot.h"

namespace postern::storage {

enum class Access : std::uint8_t {
  kRead,
  kWrite,  // one process at a time; a second one is refused with the first's process id
};

// A committed run without its verdicts.
struct RunSummary {
  RunInfo info;
  Coverage coverage;
};

// Where a rolling sweep goes on: the number of ports of its SPEC that this round has behind it.
struct SweepCursor {
  std::string ports;  // the SPEC that the position counts in; another SPEC starts anew
  std::uint64_t position = 0;
  TimePoint round_started;

  bool operator==(const SweepCursor&) const = default;
};

struct OutboxRow {
  std::int64_t id = 0;
  std::string receiver;
  Transition transition;
  TimePoint created;
  std::optional<TimePoint> delivered;
  std::optional<TimePoint> refused;   // a dead letter since then
  std::string refusal;                // why, for people
  std::string held;                   // the window of change that it waits or waited for, or empty
  std::optional<TimePoint> released;  // when that window was over
};

// What becomes of outbox rows of one receiver when a window of change begins or ends.
struct HeldChanges {
  std::vector<std::pair<std::int64_t, std::string>> held;  // with the window in words
  std::vector<std::int64_t> released;                      // to be told now
  std::vector<std::int64_t> settled;    // need not be told: the receiver knows as much already
  std::vector<std::int64_t> cancelled;  // never happened, as far as the receiver is concerned

  bool empty() const {
    return held.empty() && released.empty() && settled.empty() && cancelled.empty();
  }
  bool operator==(const HeldChanges&) const = default;
};

// How much of it there is of one receiver.
struct OutboxCount {
  std::size_t waiting = 0;          // what is held left out
  std::optional<TimePoint> oldest;  // of the transitions that wait
  std::size_t dead_letters = 0;
  std::size_t held = 0;  // waits for the end of a window of change

  bool operator==(const OutboxCount&) const = default;
};

// What came of a delivery to one receiver.
struct Receipt {
  std::vector<std::int64_t> taken;                             // outbox rows
  std::vector<std::pair<std::int64_t, std::string>> refused;   // rows, and why
  std::optional<std::map<std::string, std::string>> memory{};  // none: as before
};

// An operator's order: no packets, and findings stay as they are.
struct Pause {
  std::string by;  // a user name of this machine
  TimePoint since;
  std::optional<TimePoint> until;  // none: until `postern resume`

  bool operator==(const Pause&) const = default;
};

// What was seen of a range of ports, by all scans together.
struct PortHistory {
  struct Runs {
    std::int64_t first = 0;
    std::int64_t last = 0;
    bool operator==(const Runs&) const = default;
  };
  // A run saw another state than the one before it, of whatever scan. The first one of a history is
  // how the ports were found.
  struct Change {
    std::int64_t run = 0;
    std::string scan;
    Verdict verdict;
    bool operator==(const Change&) const = default;
  };

  PortRange ports;  // of `others`: none in particular
  Runs asked;       // the first and the last run that asked them; 0 if none that is kept did
  std::vector<Change> changes;  // ascending by run, what no run could tell left out
};

struct ProtocolHistory {
  Protocol protocol = Protocol::kTcp;
  std::vector<PortHistory> ports;  // whatever once differed from most ports of the address
  PortHistory others;              // all other ports that were asked
};

struct AddressHistory {
  IpAddress address;
  std::vector<ProtocolHistory> protocols = {};  // those that a run asked
  std::vector<Finding> findings = {};           // as they are now, by id
  std::vector<Evidence> evidence = {};          // of these, by id, the newest episode first
  // When the runs named above ended. A run that is not here was too old to be kept.
  std::map<std::int64_t, TimePoint> run_times = {};
  std::optional<TimePoint> kept_since = {};  // when the oldest run that is kept began
};

// What is older than this may go.
struct Expiry {
  TimePoint runs;       // with what they alone saw
  TimePoint delivered;  // outbox rows
  TimePoint findings;   // resolved ones
  TimePoint evidence;
  TimePoint names = {};  // what a name led to that did not answer since
  // Those in force: what waits for another goes like a resolved finding, and what it remembers with
  // its last row. None: all are.
  std::optional<std::set<std::string>> receivers = {};
  std::int64_t packet_bytes = INT64_MAX;  // of all evidence together; the oldest packets go first
};

// Something that a run was to look at and could not.
struct Unseen {
  std::string subject;  // an address, a DNS name that gave no full answer, or a whole family
  std::string host;     // the policy's name; empty for a family
  PortSet ports;        // of an address: those that stayed unknown; else empty

  bool operator==(const Unseen&) const = default;
};

// All of it of one run: what is not in `list` was seen. Of a run that continues another, `seen` has
// what it saw of the addresses that were not waited for, and `list` is empty.
struct UnseenInRun {
  std::vector<Unseen> list;
  std::vector<Unseen> seen = {};
  std::uint64_t runs_per_round = 1;  // a sweep asks each port once in so many runs
  std::uint64_t part = 0;            // which of them this is, by any number of its own
};

struct UnseenSince {
  std::string subject;
  std::string host;
  // The start of the last run that saw it; where none ever did, of the first that was to.
  TimePoint since;

  bool operator==(const UnseenSince&) const = default;
};

// What a scan rests on.
struct Observations {
  // When the oldest run of the newest round began. None: there was no whole round yet.
  std::optional<TimePoint> round;
  // The same, and the oldest `since` where that is earlier.
  std::optional<TimePoint> oldest;
  std::vector<UnseenSince> unseen;  // what that round did not see, the longest unseen first
};

// Everything that one run, or one judgement without a run, changes. Spans must outlive the call.
struct Changes {
  const Snapshot* snapshot = nullptr;      // of a begun run; null: no run
  std::span<const Finding> findings = {};  // inserted or replaced, by id
  // Ids of pending ones that were never in an outbox.
  std::span<const std::string> dropped_findings = {};
  // For each receiver the transitions that it is to be told.
  std::map<std::string, std::vector<Transition>> outbox = {};
  std::optional<std::pair<std::string, SweepCursor>> cursor = {};  // by scan name
  std::span<const Evidence> evidence = {};                         // of findings that open
  // Of a run that asks ports of the policy's hosts; none: whether it saw everything is told by its
  // coverage.
  std::optional<UnseenInRun> unseen = {};
  // Full answers of names, to be remembered as of that time.
  std::map<std::string, std::vector<IpAddress>> names = {};
  TimePoint names_at = {};
  // What is known now of addresses of the snapshot that are absent, in place of what it saw there.
  std::map<IpAddress, AddressStates> known_of_absent = {};
  // The addresses that became absent or stayed so; none: present again.
  std::map<IpAddress, std::optional<Absence>> absences = {};
};

// When the daemon watched: ran, and was not paused.
struct Watching {
  std::vector<Period> watches;                   // ascending, disjoint
  std::map<std::string, TimePoint> scans_since;  // since when each scan is configured as it is

  bool operator==(const Watching&) const = default;
};
// Looks that are no further apart make one watch: two and a half of the daemon's, so that a slow
// one makes no gap.
inline constexpr Duration kLongestGap = std::chrono::seconds(150);

// Runs count from their begin, whatever became of them; those that continue another do not count.
struct ScanHistory {
  std::optional<TimePoint> last_success;  // end of the last complete run
  std::optional<TimePoint> last_started;
  std::uint64_t runs = 0;
};

// A reader that keeps an old state open keeps the log from being emptied. From this size on no run
// begins, so that the log cannot fill the disk: some ten days of the example's schedule.
inline constexpr std::uint64_t kLogLimit = 256 << 20;

class Store {
 public:
  // Creates the database if it does not exist (kWrite only) and migrates an older schema; refuses a
  // newer one, a corrupt file and a file of another program, and never recreates one. Opening for
  // writing marks runs that a dead process left behind as aborted.
  static Result<std::unique_ptr<Store>> Open(const std::string& path, Access access);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Records that a run starts and gives it its sequence number; `run.id` is ignored. Until
  // committed it is never compared with. An error while the log is larger than kLogLimit and a
  // reader holds it.
  Result<std::int64_t> BeginRun(const RunInfo& run);
  // All or nothing; after an error the run is still running and may be tried again. The runs of one
  // scan are committed in the order in which they began.
  Result<void> Commit(const Changes& changes);
  // The run will not be committed.
  Result<void> AbortRun(std::int64_t run);

  // Where the newest run was seen from; none before the first run. What one viewpoint saw says
  // nothing of another, so a database belongs to one.
  Result<std::optional<std::string>> Viewpoint() const;

  // What the random ports of drift/all_ports.h are keyed with: made with the database, and kept in
  // it alone.
  const std::string& ports_secret() const;

  // All findings, by id; resolved ones included.
  Result<std::vector<Finding>> Findings() const;
  // The first `most` of those with an id after `after`; with an empty one, of all.
  Result<std::vector<Finding>> FindingsAfter(const std::string& after, std::int64_t most) const;
  // None if there is no such finding. `id` with or without "-N".
  Result<std::optional<Finding>> FindFinding(const std::string& id) const;

  // Of the finding, with or without "-N": the newest episode first, or that episode alone.
  Result<std::vector<Evidence>> EvidenceOf(const std::string& id) const;

  // What the runs that are kept saw of `address`, and its findings.
  Result<AddressHistory> History(const IpAddress& address) const;
  // The nearest addresses below and above that something is known of.
  Result<std::vector<IpAddress>> NeighboursOf(const IpAddress& address) const;

  // What is known from all scans together, for each of `addresses` that any run had a verdict on,
  // ascending: for each port the newest verdict that is not unknown. A family that a run was blind
  // in does not count, and of an absent address only what was unknown before.
  Result<std::vector<AddressStates>> LastKnownStates(std::span<const IpAddress> addresses) const;
  // The addresses that cannot be verified.
  Result<postern::Absences> Absences() const;
  // Exactly what the run saw; an error if there is no such committed run.
  Result<Snapshot> LoadSnapshot(std::int64_t run) const;

  // Committed runs with an id below `before`, the newest first; at most `most`.
  Result<std::vector<RunSummary>> Runs(std::int64_t before, std::int64_t most) const;

  Result<std::optional<SweepCursor>> Cursor(const std::string& scan) const;
  Result<ScanHistory> HistoryOf(const std::string& scan) const;

  // What the scan rests on, where each of its ports is asked once in `runs_per_round` runs.
  Result<Observations> ObservationsOf(const std::string& scan, std::uint64_t runs_per_round) const;

  // What the names that once resolved led to.
  Result<NameMemory> Names() const;

  // Records that the daemon watches at `now`, and how its scans are configured: `scans` are their
  // terms by name, and what differs from before counts from now. Watches and terms of a time after
  // `now` are cut: the clock was set back.
  Result<Watching> Watch(const std::map<std::string, std::string>& scans, TimePoint now);

  // None: the daemon works.
  Result<std::optional<Pause>> LoadPause() const;
  Result<void> SavePause(const std::optional<Pause>& pause);

  // The windows of change that operators opened and that were not removed, the oldest first.
  Result<std::vector<OperatorWindow>> ChangeWindows() const;
  // Replaces the one with the same selector.
  Result<void> SaveChangeWindow(const OperatorWindow& window);
  // Returns whether there was one with this selector.
  Result<bool> RemoveChangeWindow(const WindowSelector& selector);

  // Whether a row of the receiver waits for the end of a window of change.
  Result<bool> HasHeldNews(const std::string& receiver) const;
  // Whether the newest news of the finding that the receiver took or refused say that it is there.
  Result<bool> KnowsAsOpen(const std::string& receiver, const std::string& finding_id) const;
  // The findings that news are held of, by id without the episode.
  Result<std::map<std::string, HeldNews>> FindingsWithHeldNews() const;
  // In one transaction.
  Result<void> ChangeHeldNews(const std::string& receiver, const HeldChanges& changes,
                              TimePoint now);

  // Rows not yet delivered to `receiver`, and those delivered at or after `delivered_since`; oldest
  // first, dead letters left out.
  Result<std::vector<OutboxRow>> Outbox(const std::string& receiver,
                                        TimePoint delivered_since) const;
  // Whether the receiver was told, or is to be told, anything of this episode of the finding.
  Result<bool> HasNewsOf(const std::string& receiver, const std::string& finding_id,
                         int episode) const;
  Result<OutboxCount> CountOutbox(const std::string& receiver) const;
  // What the receiver remembers between deliveries, by key of its own.
  Result<std::map<std::string, std::string>> ReceiverMemory(const std::string& receiver) const;
  // In one transaction: marks the rows delivered or refused and replaces the receiver's memory.
  Result<void> Acknowledge(const std::string& receiver, const Receipt& receipt, TimePoint at);

  // What receivers refused for good, oldest first.
  Result<std::vector<OutboxRow>> DeadLetters() const;
  // Lets the receiver's dead letters be delivered once more; their number. Empty: of all receivers.
  Result<std::int64_t> Redeliver(const std::string& receiver);

  // Removes some of what is too old: at most 500 rows of each kind, in a transaction of its own,
  // and gives the space back to the file system. True if more waits to go.
  Result<bool> RemoveExpired(const Expiry& expiry);
  // Size of the write-ahead log.
  std::uint64_t LogBytes() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::storage

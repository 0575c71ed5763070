#include "storage/store.h"

#include <utility>

#include "core/secret_key.h"
#include "storage/absences.h"
#include "storage/change_windows.h"
#include "storage/database.h"
#include "storage/database_file.h"
#include "storage/evidence.h"
#include "storage/findings.h"
#include "storage/held_news.h"
#include "storage/history.h"
#include "storage/names.h"
#include "storage/outbox.h"
#include "storage/retention.h"
#include "storage/runs.h"
#include "storage/snapshots.h"
#include "storage/unseen.h"
#include "storage/watches.h"
#include "storage/write_lock.h"

namespace postern::storage {
namespace {

Result<void> Apply(Database& database, const Changes& changes, HeldStates& held) {
  if (changes.snapshot != nullptr) {
    auto saved = SaveSnapshot(database, *changes.snapshot, changes.known_of_absent, held);
    if (!saved) return saved;
    if (changes.unseen) {
      auto kept = SaveUnseen(database, changes.snapshot->run, *changes.unseen);
      if (!kept) return kept;
    }
  }
  for (const auto& finding : changes.findings) {
    if (auto saved = SaveFinding(database, finding); !saved) return saved;
  }
  for (const auto& id : changes.dropped_findings) {
    if (auto dropped = DropFinding(database, id); !dropped) return dropped;
  }
  for (const auto& evidence : changes.evidence) {
    if (auto saved = SaveEvidence(database, evidence); !saved) return saved;
  }
  if (auto saved = SaveAbsences(database, changes.absences); !saved) return saved;
  if (auto saved = SaveNames(database, changes.names, changes.names_at); !saved) return saved;
  const TimePoint now = SystemClock().Now();
  for (const auto& [receiver, transitions] : changes.outbox) {
    for (const auto& transition : transitions) {
      if (auto queued = Enqueue(database, receiver, transition, now); !queued) return queued;
    }
  }
  if (changes.cursor) return SaveCursor(database, changes.cursor->first, changes.cursor->second);
  return {};
}

Result<void> CheckLog(Database& database) {
  if (database.LogBytes() < kLogLimit) return {};
  const auto whole = database.Checkpoint();
  if (!whole) return whole.error();
  if (*whole) return {};
  return Error{database.path() +
               "-wal: another program reads an old state of the database and "
               "does not let go, so that this log has grown to " +
               std::to_string(database.LogBytes() >> 20) + " MiB; end it (`fuser " +
               database.path() + "` names it)"};
}

// Makes the secret of a database that has none yet.
Result<void> KeepPortsSecret(Database& database) {
  auto secret = NewSecretKey();
  if (!secret) return secret.error();
  return database.Run("INSERT OR IGNORE INTO secrets (name, value) VALUES ('random_ports', ?)",
                      {*secret});
}

}  // namespace

class Store::Impl {
 public:
  Impl(std::optional<WriteLock> lock, Database database)
      : lock_(std::move(lock)), database_(std::move(database)) {}

  Database& database() { return database_; }
  const std::string& ports_secret() const { return ports_secret_; }

  Result<void> LoadPortsSecret() {
    return database_.Each("SELECT value FROM secrets WHERE name = 'random_ports'", {},
                          [&](Row& row) { ports_secret_ = row.Text(); });
  }

  // All or nothing.
  Result<void> Commit(const Changes& changes) {
    auto committed = CommitOnce(changes);
    if (!committed) held_.Clear();
    return committed;
  }

 private:
  Result<void> CommitOnce(const Changes& changes) {
    auto transaction = Transaction::BeginWrite(database_);
    if (!transaction) return transaction.error();
    if (auto applied = Apply(database_, changes, held_); !applied) return applied;
    return transaction->Commit();
  }

  std::optional<WriteLock> lock_;  // released after the database is closed
  Database database_;
  HeldStates held_;
  std::string ports_secret_;
};

const std::string& Store::ports_secret() const { return impl_->ports_secret(); }

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::Open(const std::string& path, Access access) {
  const auto file = CanonicalPath(path);
  if (!file) return file.error();
  std::optional<WriteLock> lock;
  if (access == Access::kWrite) {
    auto taken = WriteLock::Take(*file);
    if (!taken) return taken.error();
    lock.emplace(*std::move(taken));
  }
  auto database = access == Access::kWrite ? OpenToWrite(*file) : OpenToRead(*file);
  if (!database) return database.error();
  if (access == Access::kWrite) {
    if (auto aborted = MarkAllAborted(*database); !aborted) return aborted.error();
  }
  if (access == Access::kWrite) {
    if (auto kept = KeepPortsSecret(*database); !kept) return kept.error();
  }
  auto impl = std::make_unique<Impl>(std::move(lock), *std::move(database));
  if (auto loaded = impl->LoadPortsSecret(); !loaded) return loaded.error();
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<std::int64_t> Store::BeginRun(const RunInfo& run) {
  if (auto room = CheckLog(impl_->database()); !room) return room.error();
  return InsertRun(impl_->database(), run);
}

Result<void> Store::Commit(const Changes& changes) { return impl_->Commit(changes); }

Result<void> Store::AbortRun(std::int64_t run) { return MarkAborted(impl_->database(), run); }

Result<std::optional<std::string>> Store::Viewpoint() const {
  return LoadViewpoint(impl_->database());
}

Result<std::vector<Finding>> Store::Findings() const { return LoadFindings(impl_->database()); }

Result<std::vector<Finding>> Store::FindingsAfter(const std::string& after,
                                                  std::int64_t most) const {
  return LoadFindingsAfter(impl_->database(), after, most);
}

Result<std::optional<Finding>> Store::FindFinding(const std::string& id) const {
  return LoadFinding(impl_->database(), id);
}

Result<std::vector<AddressStates>> Store::LastKnownStates(
    std::span<const IpAddress> addresses) const {
  const auto transaction = Transaction::BeginRead(impl_->database());
  if (!transaction) return transaction.error();
  return ReadLastKnown(impl_->database(), addresses);
}

Result<postern::Absences> Store::Absences() const { return LoadAbsences(impl_->database()); }

Result<Snapshot> Store::LoadSnapshot(std::int64_t run) const {
  const auto transaction = Transaction::BeginRead(impl_->database());
  if (!transaction) return transaction.error();
  return ReadSnapshot(impl_->database(), run);
}

Result<std::vector<Evidence>> Store::EvidenceOf(const std::string& id) const {
  const auto dash = id.find('-');
  auto evidence = LoadEvidence(impl_->database(), id.substr(0, dash));
  if (!evidence || dash == std::string::npos) return evidence;
  std::erase_if(*evidence, [&](const Evidence& one) {
    return std::to_string(one.episode) != id.substr(dash + 1);
  });
  return evidence;
}

Result<AddressHistory> Store::History(const IpAddress& address) const {
  const auto transaction = Transaction::BeginRead(impl_->database());
  if (!transaction) return transaction.error();
  return LoadAddressHistory(impl_->database(), address);
}

Result<std::vector<IpAddress>> Store::NeighboursOf(const IpAddress& address) const {
  return LoadNeighbours(impl_->database(), address);
}

Result<std::optional<SweepCursor>> Store::Cursor(const std::string& scan) const {
  return LoadCursor(impl_->database(), scan);
}

Result<std::vector<RunSummary>> Store::Runs(std::int64_t before, std::int64_t most) const {
  return LoadRuns(impl_->database(), before, most);
}

Result<ScanHistory> Store::HistoryOf(const std::string& scan) const {
  return LoadHistory(impl_->database(), scan);
}

Result<Observations> Store::ObservationsOf(const std::string& scan,
                                           std::uint64_t runs_per_round) const {
  const auto transaction = Transaction::BeginRead(impl_->database());
  if (!transaction) return transaction.error();
  return LoadObservations(impl_->database(), scan, runs_per_round);
}

Result<NameMemory> Store::Names() const { return LoadNames(impl_->database()); }

Result<Watching> Store::Watch(const std::map<std::string, std::string>& scans, TimePoint now) {
  auto transaction = Transaction::BeginWrite(impl_->database());
  if (!transaction) return transaction.error();
  auto watching = SaveWatch(impl_->database(), scans, now);
  if (!watching) return watching;
  if (auto committed = transaction->Commit(); !committed) return committed.error();
  return watching;
}

Result<std::optional<Pause>> Store::LoadPause() const {
  std::optional<Pause> pause;
  auto read = impl_->database().Each("SELECT by, since, until FROM pause", {}, [&](Row& row) {
    pause.emplace(Pause{.by = row.Text(), .since = row.Time(), .until = {}});
    pause->until = row.OptionalTime();
  });
  if (!read) return read.error();
  return pause;
}

Result<void> Store::SavePause(const std::optional<Pause>& pause) {
  if (!pause) return impl_->database().Run("DELETE FROM pause");
  return impl_->database().Run("REPLACE INTO pause (id, by, since, until) VALUES (1, ?, ?, ?)",
                               {pause->by, ToValue(pause->since), ToValue(pause->until)});
}

Result<std::vector<OperatorWindow>> Store::ChangeWindows() const {
  return LoadWindows(impl_->database());
}

Result<void> Store::SaveChangeWindow(const OperatorWindow& window) {
  return SaveWindow(impl_->database(), window);
}

Result<bool> Store::RemoveChangeWindow(const WindowSelector& selector) {
  return RemoveWindow(impl_->database(), selector);
}

Result<bool> Store::HasHeldNews(const std::string& receiver) const {
  return AnyIsHeld(impl_->database(), receiver);
}

Result<bool> Store::KnowsAsOpen(const std::string& receiver, const std::string& finding_id) const {
  return WasToldOpen(impl_->database(), receiver, finding_id);
}

Result<std::map<std::string, HeldNews>> Store::FindingsWithHeldNews() const {
  return LoadHeldNews(impl_->database());
}

Result<void> Store::ChangeHeldNews(const std::string& receiver, const HeldChanges& changes,
                                   TimePoint now) {
  auto transaction = Transaction::BeginWrite(impl_->database());
  if (!transaction) return transaction.error();
  auto applied = ApplyHeldChanges(impl_->database(), receiver, changes, now);
  if (!applied) return applied;
  return transaction->Commit();
}

Result<std::vector<OutboxRow>> Store::Outbox(const std::string& receiver,
                                             TimePoint delivered_since) const {
  return LoadOutbox(impl_->database(), receiver, delivered_since);
}

Result<bool> Store::HasNewsOf(const std::string& receiver, const std::string& finding_id,
                              int episode) const {
  return HasRowOf(impl_->database(), receiver, finding_id, episode);
}

Result<OutboxCount> Store::CountOutbox(const std::string& receiver) const {
  return CountRows(impl_->database(), receiver);
}

Result<std::map<std::string, std::string>> Store::ReceiverMemory(
    const std::string& receiver) const {
  return LoadMemory(impl_->database(), receiver);
}

Result<void> Store::Acknowledge(const std::string& receiver, const Receipt& receipt, TimePoint at) {
  auto& database = impl_->database();
  auto transaction = Transaction::BeginWrite(database);
  if (!transaction) return transaction.error();
  for (const auto row : receipt.taken) {
    if (auto marked = MarkDelivered(database, receiver, row, at); !marked) return marked;
  }
  for (const auto& [row, why] : receipt.refused) {
    if (auto marked = MarkRefused(database, receiver, row, at, why); !marked) return marked;
  }
  if (receipt.memory) {
    if (auto replaced = ReplaceMemory(database, receiver, *receipt.memory); !replaced) {
      return replaced;
    }
  }
  return transaction->Commit();
}

Result<std::vector<OutboxRow>> Store::DeadLetters() const {
  return LoadDeadLetters(impl_->database());
}

Result<std::int64_t> Store::Redeliver(const std::string& receiver) {
  auto transaction = Transaction::BeginWrite(impl_->database());
  if (!transaction) return transaction.error();
  auto count = QueueAgain(impl_->database(), receiver);
  if (!count) return count;
  if (auto committed = transaction->Commit(); !committed) return committed.error();
  return count;
}

Result<bool> Store::RemoveExpired(const Expiry& expiry) {
  return RemoveStep(impl_->database(), expiry);
}

std::uint64_t Store::LogBytes() const { return impl_->database().LogBytes(); }

}  // namespace postern::storage

// The runs: their circumstances, coverage and fate, and the cursors of rolling sweeps. Private to
// the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/snapshot.h"
#include "storage/database.h"
#include "storage/store.h"

namespace postern::storage {

// What is stored of a committed run beside its verdicts.
struct StoredRun {
  RunInfo info;
  Coverage coverage;
  std::int64_t plan = 0;
};

Result<std::int64_t> InsertRun(Database& database, const RunInfo& run);
// Of a running run; an error if it is not, or if a later run of its scan is already committed.
Result<void> MarkCommitted(Database& database, const Snapshot& snapshot, std::int64_t plan);
// Of a running run.
Result<void> MarkAborted(Database& database, std::int64_t run);
// Every run that is still marked as running.
Result<void> MarkAllAborted(Database& database);
// Committed ones with an id below `before`, the newest first; at most `most`.
Result<std::vector<RunSummary>> LoadRuns(Database& database, std::int64_t before,
                                         std::int64_t most);
// None if there is no such committed run.
Result<std::optional<StoredRun>> LoadRun(Database& database, std::int64_t run);

// Of the newest run.
Result<std::optional<std::string>> LoadViewpoint(Database& database);
Result<ScanHistory> LoadHistory(Database& database, const std::string& scan);
Result<std::optional<SweepCursor>> LoadCursor(Database& database, const std::string& scan);
Result<void> SaveCursor(Database& database, const std::string& scan, const SweepCursor& cursor);

}  // namespace postern::storage

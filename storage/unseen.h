// What the runs of a scan could not look at, and since when: the exceptions to "the last round saw
// everything". Private to the store.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "core/snapshot.h"
#include "storage/database.h"
#include "storage/store.h"

namespace postern::storage {

// Requires that the run is committed in this transaction. What is not in `unseen` was seen.
Result<void> SaveUnseen(Database& database, const RunInfo& run, const UnseenInRun& unseen);

Result<Observations> LoadObservations(Database& database, const std::string& scan,
                                      std::uint64_t runs_per_round);

}  // namespace postern::storage

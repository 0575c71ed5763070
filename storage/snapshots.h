// Snapshots, taken apart into a run, a plan and intervals, and put together again. Private to the
// store; every function needs a transaction around it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/snapshot.h"
#include "storage/database.h"
#include "storage/held_states.h"
#include "storage/store.h"

namespace postern::storage {

using KnownOfAbsent = std::map<IpAddress, AddressStates>;

// See Changes::known_of_absent. What `held` learns holds if the transaction is committed.
Result<void> SaveSnapshot(Database& database, const Snapshot& snapshot,
                          const KnownOfAbsent& known_of_absent, HeldStates& held);
Result<Snapshot> ReadSnapshot(Database& database, std::int64_t run);
// See Store::LastKnownStates.
Result<std::vector<AddressStates>> ReadLastKnown(Database& database,
                                                 std::span<const IpAddress> addresses);

}  // namespace postern::storage

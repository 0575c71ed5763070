// What goes when it is old: runs with what they alone saw, resolved findings, evidence, outbox rows
// that were delivered, and names that answer no more. In steps that are small enough to hold nobody
// up. Private to the store.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "storage/database.h"
#include "storage/store.h"

namespace postern::storage {

// One step, a transaction of its own. True if more waits to go.
Result<bool> RemoveStep(Database& database, const Expiry& expiry);

}  // namespace postern::storage

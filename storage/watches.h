// The times in which the daemon watched, as rows. Private to the store.
#pragma once

#include <map>
#include <string>

#include "core/result.h"
#include "storage/database.h"
#include "storage/store.h"

namespace postern::storage {

// Store::Watch, within a transaction.
Result<Watching> SaveWatch(Database& database, const std::map<std::string, std::string>& scans,
                           TimePoint now);

}  // namespace postern::storage

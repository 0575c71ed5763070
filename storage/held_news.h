// News that wait for the end of a window of change. Private to the store; the writing function
// needs a transaction around it.
#pragma once

#include <map>
#include <string>

#include "core/result.h"
#include "storage/database.h"
#include "storage/store.h"

namespace postern::storage {

// See the functions of these names in Store.
Result<bool> AnyIsHeld(Database& database, const std::string& receiver);
Result<bool> WasToldOpen(Database& database, const std::string& receiver,
                         const std::string& finding_id);
Result<std::map<std::string, HeldNews>> LoadHeldNews(Database& database);
Result<void> ApplyHeldChanges(Database& database, const std::string& receiver,
                              const HeldChanges& changes, TimePoint now);

}  // namespace postern::storage

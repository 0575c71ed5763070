// What names led to, as rows. Private to the store.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/name_memory.h"
#include "core/result.h"
#include "storage/database.h"

namespace postern::storage {

// Remembers full answers, by name, of the time `at`, and forgets what these names no longer lead
// to.
Result<void> SaveNames(Database& database,
                       const std::map<std::string, std::vector<IpAddress>>& answers, TimePoint at);
Result<NameMemory> LoadNames(Database& database);

}  // namespace postern::storage

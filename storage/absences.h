// Addresses that cannot be verified, as rows. Private to the store.
#pragma once

#include <map>
#include <optional>

#include "core/absence.h"
#include "core/result.h"
#include "storage/database.h"

namespace postern::storage {

// Replaces the row of each address, or removes it where there is none.
Result<void> SaveAbsences(Database& database,
                          const std::map<IpAddress, std::optional<Absence>>& absences);
Result<Absences> LoadAbsences(Database& database);

}  // namespace postern::storage

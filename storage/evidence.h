// Evidence as rows. Private to the store; the writing functions need a transaction around them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/evidence.h"
#include "core/result.h"
#include "storage/database.h"

namespace postern::storage {

// Evidence that is already there for the finding's episode stays as it is.
Result<void> SaveEvidence(Database& database, const Evidence& evidence);
// Of all episodes that are kept, the newest first.
Result<std::vector<Evidence>> LoadEvidence(Database& database, const std::string& finding_id);

}  // namespace postern::storage

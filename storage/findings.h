// Findings as rows. Private to the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/finding.h"
#include "core/result.h"
#include "storage/database.h"

namespace postern::storage {

// Inserts or replaces by id.
Result<void> SaveFinding(Database& database, const Finding& finding);
// A finding that is in an outbox cannot go: the transaction then fails to commit.
Result<void> DropFinding(Database& database, const std::string& id);
// By id, ascending.
Result<std::vector<Finding>> LoadFindings(Database& database);
// The first `most` with an id after `after`, by id.
Result<std::vector<Finding>> LoadFindingsAfter(Database& database, const std::string& after,
                                               std::int64_t most);
// Of one address, by id.
Result<std::vector<Finding>> LoadFindingsOf(Database& database, const IpAddress& address);
// `id` with or without "-N", which must then be its episode.
Result<std::optional<Finding>> LoadFinding(Database& database, const std::string& id);

}  // namespace postern::storage

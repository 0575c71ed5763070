// The tables, and the steps that bring an older database to them. docs/storage.md explains the
// tables. Private to the store.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/result.h"
#include "storage/database.h"

namespace postern::storage {

// In the file's header (bytes 68 to 71); says that it is Postern's. "Post" in ASCII.
inline constexpr std::int64_t kApplicationId = 0x506f7374;

// Step i takes a database from user_version i to i + 1.
std::span<const std::string_view> SchemaSteps();

// The user_version of a database that is Postern's and not newer than `steps`.
Result<std::int64_t> SchemaVersion(Database& database, std::span<const std::string_view> steps);
// Applies what is missing, each step in a transaction of its own.
Result<void> Migrate(Database& database, std::int64_t version,
                     std::span<const std::string_view> steps);

}  // namespace postern::storage

// Opening the database file: creation in one step, refusal of what is not ours, migration. Private
// to the store.
#pragma once

#include <string>

#include "core/result.h"
#include "storage/database.h"

namespace postern::storage {

// Absolute, with symbolic links resolved, so that two names of one file are one database.
Result<std::string> CanonicalPath(const std::string& path);

// The file must exist and have this version's schema.
Result<Database> OpenToRead(const std::string& path);
// Creates the file if there is none, mode 0640 less the umask; checks every page, migrates.
// Precondition: the caller holds the write lock.
Result<Database> OpenToWrite(const std::string& path);

}  // namespace postern::storage

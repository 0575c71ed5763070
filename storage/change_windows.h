// The windows of change that operators opened. Private to the store.
#pragma once

#include <vector>

#include "core/change_window.h"
#include "core/result.h"
#include "storage/database.h"

namespace postern::storage {

// See the functions of these names in Store.
Result<std::vector<OperatorWindow>> LoadWindows(Database& database);
Result<void> SaveWindow(Database& database, const OperatorWindow& window);
Result<bool> RemoveWindow(Database& database, const WindowSelector& selector);

}  // namespace postern::storage

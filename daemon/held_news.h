// What becomes of a receiver's news while a window of change lasts, and at its end.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "daemon/change_windows.h"
#include "storage/store.h"

namespace postern::daemon {

// What is left to tell, at the end of a window, of one finding to one receiver. `rows` are the
// finding's news that wait, oldest first, at least one. `known_open`: the receiver knows the
// finding as being there. A story that came to nothing is not told at all; else one row tells where
// it ended. Pure.
storage::HeldChanges ReleaseNews(std::span<const storage::OutboxRow> rows, FindingState state,
                                 bool known_open);

// Marks the receiver's news of findings that `windows` select as held, and releases what waited for
// a window that is over. Runs on the storage thread.
Result<void> FollowWindows(storage::Store& store, const std::string& receiver,
                           const std::vector<Finding>& findings,
                           const std::vector<ActiveWindow>& windows, TimePoint now);

}  // namespace postern::daemon

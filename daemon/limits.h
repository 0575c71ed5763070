// Whether the system lets the process have what a configuration needs.
#pragma once

#include <cstddef>

#include "core/result.h"
#include "policy/config.h"

namespace postern::daemon {

// Threads that begin besides those of scans and receivers: the store, the API, passwords, commands,
// reloads, ages, and lookups of receivers' names.
inline constexpr std::size_t kOwnThreads = 20;
// Threads that a reload leaves for lookups and commands.
inline constexpr std::size_t kSpareThreads = 4;

// Starts `count` threads and ends them: the unit's TasksMax=, a container's pids.max, the user's
// `ulimit -u` and memory all bound them. An error says what to raise.
Result<void> CheckThreads(std::size_t count);

// Logs a warning if there are fewer descriptors than `config` can come to need.
void WarnOfDescriptors(const policy::Config& config);

}  // namespace postern::daemon

// What a run was to look at and could not: kept with the run, so that the age of the observations
// is that of the oldest endpoint and not of the newest run.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/judging.h"
#include "daemon/setup.h"
#include "daemon/targets.h"
#include "storage/store.h"

namespace postern::daemon {

// Adds the endpoints behind names that gave no answer. A run that could not look at everything is
// not complete, whatever kept it from it; only hosts that limit their replies are asked apart.
void CountUnseen(std::uint64_t unanswered, Snapshot& snapshot);

// None for a run that does not ask ports of the policy's hosts (stage `discover`). Requires that
// the run's blind families are filled in.
std::optional<storage::UnseenInRun> UnseenIn(const Setup& setup, const Targets& targets,
                                             const RunEvidence& evidence);

}  // namespace postern::daemon

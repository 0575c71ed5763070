// The configured ages as points in time.
#pragma once

#include "core/time.h"
#include "policy/config.h"
#include "storage/store.h"

namespace postern::daemon {

// Findings go with their evidence, outbox rows with the runs.
storage::Expiry ExpiryAt(const policy::Retention& retention, TimePoint now);

}  // namespace postern::daemon

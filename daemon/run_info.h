// The circumstances of a run that begins now.
#pragma once

#include <string>

#include "core/snapshot.h"
#include "daemon/setup.h"

namespace postern::daemon {

// Returns them with a new random seed; the store gives the id.
RunInfo NewRun(const Setup& setup, std::string scan, Stage stage, TimePoint now);

}  // namespace postern::daemon

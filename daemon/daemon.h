// posternd: the only place that wires the parts together.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"

namespace postern::daemon {

struct DaemonOptions {
  std::string config_path;
  std::string state_directory;  // systemd's $STATE_DIRECTORY; empty: none
};

// Runs until SIGTERM or SIGINT; SIGHUP reloads. An error is why it could not start; nothing was
// scanned then.
Result<void> RunDaemon(const DaemonOptions& options);

}  // namespace postern::daemon

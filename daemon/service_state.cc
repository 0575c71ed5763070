#include "daemon/service_state.h"

#include <systemd/sd-daemon.h>

#include <chrono>

namespace postern::daemon {

void NotifyReady() { sd_notify(0, "READY=1"); }
void NotifyReloading() { sd_notify(0, "RELOADING=1"); }
void NotifyStopping() { sd_notify(0, "STOPPING=1"); }
void NotifyWatchdog() { sd_notify(0, "WATCHDOG=1"); }

std::optional<Duration> WatchdogInterval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::microseconds(microseconds / 2));
}

}  // namespace postern::daemon

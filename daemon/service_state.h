// What systemd is told about this service: sd_notify(3). Without $NOTIFY_SOCKET nothing happens.
#pragma once

#include <optional>

#include "core/time.h"

namespace postern::daemon {

void NotifyReady();
void NotifyReloading();
void NotifyStopping();
void NotifyWatchdog();

// How often NotifyWatchdog is expected at most, half of $WATCHDOG_USEC; none if nobody watches.
std::optional<Duration> WatchdogInterval();

}  // namespace postern::daemon

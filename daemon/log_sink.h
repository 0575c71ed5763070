// Where log lines go: standard error, as logfmt or JSON, with the journal's priorities where
// systemd reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/log.h"
#include "core/time.h"

namespace postern::daemon {

// Logs from `level` on from now on. Call once more to change level or format.
void LogToStderr(LogLevel level, bool json);

// One line without its end: time=… level=… msg=… and the fields, every value escaped.
std::string LogfmtLine(TimePoint time, LogLevel level, std::string_view message,
                       const std::vector<LogField>& fields);
// The same as one JSON object.
std::string JsonLine(TimePoint time, LogLevel level, std::string_view message,
                     const std::vector<LogField>& fields);

}  // namespace postern::daemon

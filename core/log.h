// The logging interface. Everything logs through Log(); the program decides at start where lines go
// (SetLogSink), and until then they are dropped. Thread-safe.
//
// Levels: error, the program must stop or lost something; warning, an operator should act; info,
// rare and never filled by an attacker; debug, everything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error".
std::string_view ToString(LogLevel level);
std::optional<LogLevel> ParseLogLevel(std::string_view text);

// A key, which is a word of this program's own, and its value, which the sink escapes: bytes from
// the network are safe there. Never a secret.
struct LogField {
  std::string_view key;
  std::string value;
};

// So many lines of one kind come of one event, a run or a delivery; a last one counts the rest. How
// many findings there are is up to whoever is scanned.
inline constexpr std::size_t kLongestLogSeries = 100;

using LogSink = std::function<void(LogLevel level, std::string_view message,
                                   const std::vector<LogField>& fields)>;

// Call before other threads start; an empty sink drops everything.
void SetLogSink(LogSink sink);
void Log(LogLevel level, std::string_view message, const std::vector<LogField>& fields = {});

}  // namespace postern

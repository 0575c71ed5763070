#include "core/log.h"

#include <array>
#include <utility>

#include "core/enum_names.h"

namespace postern {
namespace {

constexpr EnumNames<LogLevel, 4> kLevels = {{
    {LogLevel::kDebug, "debug"},
    {LogLevel::kInfo, "info"},
    {LogLevel::kWarning, "warning"},
    {LogLevel::kError, "error"},
}};

LogSink& Sink() {
  static LogSink sink;
  return sink;
}

}  // namespace

std::string_view ToString(LogLevel level) { return NameOf(kLevels, level); }

std::optional<LogLevel> ParseLogLevel(std::string_view text) { return ValueOf(kLevels, text); }

void SetLogSink(LogSink sink) { Sink() = std::move(sink); }

void Log(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
  if (Sink()) Sink()(level, message, fields);
}

}  // namespace postern

#include "daemon/log_sink.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "exporters/escape.h"

namespace postern::daemon {
namespace {

// sd-daemon(3): the journal takes a line's priority from <N> in front of it.
std::string_view JournalPriority(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "<7>";
    case LogLevel::kInfo:
      return "<6>";
    case LogLevel::kWarning:
      return "<4>";
    case LogLevel::kError:
      return "<3>";
  }
  return "";
}

// A value that needs no quotes in logfmt.
bool IsBare(std::string_view value) {
  return !value.empty() && value.find_first_of(" =\"\\") == std::string_view::npos;
}

std::string LogfmtValue(std::string_view value) {
  const auto safe = exporters::EscapeTerminal(value);
  return IsBare(safe) ? safe : exporters::JsonString(safe);
}

// Escaped as in logfmt, for a log ends up on a terminal whatever its format.
std::string JsonValue(std::string_view value) {
  return exporters::JsonString(exporters::EscapeTerminal(value));
}

// systemd.exec(5): JOURNAL_STREAM is DEVICE:INODE of what it connected to the journal. Children
// that write elsewhere inherit it too.
bool StderrIsJournal() {
  const char* journal = std::getenv("JOURNAL_STREAM");
  struct stat here {};
  if (journal == nullptr || fstat(STDERR_FILENO, &here) != 0) return false;
  return journal == std::to_string(here.st_dev) + ":" + std::to_string(here.st_ino);
}

class StderrLog {
 public:
  StderrLog() : journal_(StderrIsJournal()) {
    logger_ = std::make_shared<spdlog::logger>("postern",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger_->set_pattern("%v");
    logger_->set_level(spdlog::level::trace);
    logger_->flush_on(spdlog::level::trace);
  }

  void Set(LogLevel level, bool json) {
    level_ = level;
    json_ = json;
  }

  void Write(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
    if (level < level_) return;
    const auto now = SystemClock().Now();
    const auto line =
        json_ ? JsonLine(now, level, message, fields) : LogfmtLine(now, level, message, fields);
    logger_->info("{}{}", journal_ ? JournalPriority(level) : "", line);
  }

 private:
  const bool journal_;
  std::shared_ptr<spdlog::logger> logger_;
  std::atomic<LogLevel> level_ = LogLevel::kInfo;
  std::atomic<bool> json_ = false;
};

}  // namespace

void LogToStderr(LogLevel level, bool json) {
  static StderrLog log;
  static std::once_flag installed;
  log.Set(level, json);
  std::call_once(installed, [] {
    SetLogSink([](LogLevel line_level, std::string_view message,
                  const std::vector<LogField>& fields) { log.Write(line_level, message, fields); });
  });
}

std::string LogfmtLine(TimePoint time, LogLevel level, std::string_view message,
                       const std::vector<LogField>& fields) {
  std::string line = "time=" + FormatTime(time) + " level=" + std::string(ToString(level)) +
                     " msg=" + LogfmtValue(message);
  for (const auto& field : fields) {
    line += " " + std::string(field.key) + "=" + LogfmtValue(field.value);
  }
  return line;
}

std::string JsonLine(TimePoint time, LogLevel level, std::string_view message,
                     const std::vector<LogField>& fields) {
  std::string line = "{\"time\":\"" + FormatTime(time) + "\",\"level\":\"" +
                     std::string(ToString(level)) + "\",\"msg\":" + JsonValue(message);
  for (const auto& field : fields) {
    line += "," + exporters::JsonString(field.key) + ":" + JsonValue(field.value);
  }
  return line + "}";
}

}  // namespace postern::daemon

#include "daemon/log_sink.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
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

// How long a line waits for the log's reader, in milliseconds.
constexpr int kLinePatience = 1000;

// Lines on standard error. A reader that is gone, stands still or has no room (a closed pipe, a
// stopped `tee`, a full disk) costs lines, which are counted. It neither ends the program nor stops
// it for longer than kLinePatience.
class StderrLog {
 public:
  void Set(LogLevel level, bool json) {
    level_ = level;
    json_ = json;
  }

  void Write(LogLevel level, std::string_view message, const std::vector<LogField>& fields) {
    if (level < level_) return;
    const std::lock_guard lock(mutex_);
    if (lost_ > 0 && !Put(Line(LogLevel::kWarning, "lines of the log could not be written",
                               {{"lost", std::to_string(lost_)}}),
                          0)) {
      ++lost_;
      return;
    }
    lost_ = Put(Line(level, message, fields), kLinePatience) ? 0 : 1;
  }

 private:
  std::string Line(LogLevel level, std::string_view message,
                   const std::vector<LogField>& fields) const {
    const auto now = SystemClock().Now();
    const auto line =
        json_ ? JsonLine(now, level, message, fields) : LogfmtLine(now, level, message, fields);
    return std::string(journal_ ? JournalPriority(level) : "") + line + "\n";
  }

  // Returns false if the line was not written whole: an error, or no room within `patience`.
  bool Put(std::string line, int patience) {
    if (torn_) line.insert(0, "\n");
    for (std::string_view rest = line; !rest.empty();) {
      pollfd ready{STDERR_FILENO, POLLOUT, 0};
      const int polled = ::poll(&ready, 1, patience);
      if (polled < 0 && errno == EINTR) continue;
      if (polled != 1) return false;
      // A pipe that poll(2) calls ready has room for PIPE_BUF bytes: pipe(7).
      const auto count =
          ::write(STDERR_FILENO, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(count));
      torn_ = !rest.empty();
    }
    return true;
  }

  const bool journal_ = StderrIsJournal();
  std::atomic<LogLevel> level_ = LogLevel::kInfo;
  std::atomic<bool> json_ = false;
  std::mutex mutex_;
  std::uint64_t lost_ = 0;  // lines since the last one that was written; guarded by mutex_
  bool torn_ = false;       // the last one was written in part; guarded by mutex_
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

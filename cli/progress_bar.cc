#include "cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdio>

namespace postern::cli {
namespace {

constexpr std::size_t kBarWidth = 24;
constexpr std::size_t kDefaultColumns = 80;

std::string Bar(double share) {
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(kBarWidth));
  std::string bar(filled, '=');
  if (filled < kBarWidth) bar += '>';
  bar.resize(kBarWidth, ' ');
  return "[" + bar + "]";
}

// "0:19", "2:03:05"
std::string ClockText(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(seconds));
  const auto two_digits = [](std::uint64_t value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
  };
  const std::string minutes = std::to_string(whole / 60 % 60);
  const std::string tail = ":" + two_digits(whole % 60);
  if (whole < 3600) return minutes + tail;
  return std::to_string(whole / 3600) + ":" + two_digits(whole / 60 % 60) + tail;
}

std::size_t TerminalColumns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

}  // namespace

std::string ProgressLine(const scanner::ScanProgress& progress, std::chrono::milliseconds elapsed,
                         std::size_t columns) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto done = static_cast<double>(progress.done);
  const double share = progress.total == 0 ? 1 : done / static_cast<double>(progress.total);
  const std::string percent = std::to_string(static_cast<int>(share * 100)) + "%";
  const double rate = seconds > 0 ? static_cast<double>(progress.probes_sent) / seconds : 0;

  std::string line = Bar(share) + std::string(5 - percent.size(), ' ') + percent + " " +
                     std::to_string(progress.done) + "/" + std::to_string(progress.total) + "  " +
                     std::to_string(std::llround(rate)) + " probes/s  " +
                     std::to_string(progress.open) + " open";
  if (progress.done > 0) {
    const auto to_come = static_cast<double>(progress.total - progress.done);
    line += "  " + ClockText(seconds * to_come / done) + " left";
  }
  return line.substr(0, columns);
}

ProgressBar::ProgressBar(std::chrono::seconds line_every)
    : started_(std::chrono::steady_clock::now()),
      terminal_(isatty(STDERR_FILENO) == 1),
      line_every_(line_every),
      last_line_(started_) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::Show(const scanner::ScanProgress& progress) {
  const auto now = std::chrono::steady_clock::now();
  const auto elapsed = std::chrono::floor<std::chrono::milliseconds>(now - started_);
  if (!terminal_) {
    if (line_every_.count() == 0 || now - last_line_ < line_every_) return;
    last_line_ = now;
    std::fprintf(stderr, "%s\n", ProgressLine(progress, elapsed, kDefaultColumns).c_str());
    return;
  }
  drawn_ = true;
  // The last column stays free: some terminals wrap when it is written.
  const std::string line = ProgressLine(progress, elapsed, TerminalColumns() - 1);
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
}

}  // namespace postern::cli

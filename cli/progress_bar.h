// The progress of a scan as one line of a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "scanner/scan.h"

namespace postern::cli {

// "[=====>    ]  42% 27525/65535  1980 probes/s  3 open  0:19 left", cut to `columns`. The time
// left supposes that the endpoints to come take as long as those that are done; none is shown
// before the first one is.
std::string ProgressLine(const scanner::ScanProgress& progress, std::chrono::milliseconds elapsed,
                         std::size_t columns);

// Draws over one line of standard error. Where that is no terminal, it writes a line every
// `line_every`, or with 0 nothing. Not thread-safe.
class ProgressBar {
 public:
  explicit ProgressBar(std::chrono::seconds line_every = {});
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Show(const scanner::ScanProgress& progress);

 private:
  const std::chrono::steady_clock::time_point started_;
  const bool terminal_;
  const std::chrono::seconds line_every_;
  std::chrono::steady_clock::time_point last_line_;
  bool drawn_ = false;
};

}  // namespace postern::cli

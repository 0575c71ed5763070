// Ctrl-C as a stop request: the first SIGINT or SIGTERM asks, one that comes
// more than a second later ends the program.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace postern::cli {

// Watches from construction to destruction; at most one at a time. Threads started in between
// inherit its signal mask, so create it before them, on the thread that outlives it.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  std::stop_token token() const { return interrupted_.get_token(); }

 private:
  std::stop_source interrupted_;
  sigset_t mask_before_{};
  std::jthread thread_;  // last: it uses the others
};

}  // namespace postern::cli

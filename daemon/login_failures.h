// Wrong passwords for the HTTP server, as they are told to people.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "exporters/metrics.h"

namespace postern::daemon {

// Counts each, and logs at most one line a minute: whoever guesses decides how many there are. Used
// from one thread.
class LoginFailures {
 public:
  // `metrics` must outlive it.
  explicit LoginFailures(exporters::Metrics& metrics) : metrics_(metrics) {}

  // One by the client at that address.
  void Add(const std::string& client);

 private:
  exporters::Metrics& metrics_;
  std::uint64_t untold_ = 0;
  std::optional<std::chrono::steady_clock::time_point> told_;  // when last
};

}  // namespace postern::daemon

// What the daemon answers over HTTP.
#pragma once

#include <atomic>

#include "exporters/http_server.h"
#include "exporters/metrics.h"

namespace postern::daemon {

class HttpRoutes {
 public:
  explicit HttpRoutes(const exporters::Metrics& metrics) : metrics_(metrics) {}

  // /metrics; /-/healthy: the program runs; /-/ready: it has its policy, scans, and
  // can store what it sees.
  exporters::HttpResponse Answer(const exporters::HttpRequest& request) const;
  // Thread-safe.
  void SetReady(bool ready) { ready_ = ready; }
  // Whether the store took the last run. Thread-safe.
  void SetStoring(bool storing) { storing_ = storing; }

 private:
  const exporters::Metrics& metrics_;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> storing_ = true;
};

}  // namespace postern::daemon

// What the daemon answers over HTTP.
#pragma once

#include <atomic>

#include "exporters/http_server.h"
#include "exporters/metrics.h"

namespace postern::daemon {

class HttpRoutes {
 public:
  explicit HttpRoutes(const exporters::Metrics& metrics) : metrics_(metrics) {}

  // /metrics; /-/healthy: the program runs; /-/ready: it has its policy and its store and scans.
  exporters::HttpResponse Answer(const exporters::HttpRequest& request) const;
  // Thread-safe.
  void SetReady(bool ready) { ready_ = ready; }

 private:
  const exporters::Metrics& metrics_;
  std::atomic<bool> ready_ = false;
};

}  // namespace postern::daemon

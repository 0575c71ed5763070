// What the daemon answers over HTTP.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "daemon/api.h"
#include "exporters/http_server.h"
#include "exporters/metrics.h"

namespace postern::daemon {

class HttpRoutes {
 public:
  // Runs a reload and tells what came of it, or is false where too many wait for one; called on the
  // thread of Answer().
  using Reload = std::function<bool(std::function<void(const Result<std::string>&)> done)>;

  HttpRoutes(const exporters::Metrics& metrics, Api& api, Reload reload)
      : metrics_(metrics), api_(api), reload_(std::move(reload)) {}

  // /metrics; /-/healthy: the program runs; /-/ready: it has its policy, scans, and
  // can store what it sees; /-/reload; /api/v1/.
  void Answer(const exporters::HttpRequest& request, const exporters::HttpAnswer& answer) const;
  // Thread-safe.
  void SetReady(bool ready) { ready_ = ready; }
  // Whether the store took the last run. Thread-safe.
  void SetStoring(bool storing) { storing_ = storing; }
  // Whether /-/reload may be asked. Thread-safe.
  void SetReloadable(bool reloadable) { reloadable_ = reloadable; }

 private:
  exporters::HttpResponse Read(std::string_view path) const;
  void AnswerReload(const exporters::HttpRequest& request,
                    const exporters::HttpAnswer& answer) const;

  const exporters::Metrics& metrics_;
  Api& api_;
  const Reload reload_;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> storing_ = true;
  std::atomic<bool> reloadable_ = false;
};

}  // namespace postern::daemon

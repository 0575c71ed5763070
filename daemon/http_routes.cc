#include "daemon/http_routes.h"

#include "daemon/api_query.h"

namespace postern::daemon {

using exporters::HttpResponse;

void HttpRoutes::Answer(const exporters::HttpRequest& request,
                        const exporters::HttpAnswer& answer) const {
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  if (path == "/-/reload") return AnswerReload(request, answer);
  if (request.method != "GET" && request.method != "HEAD") {
    return answer(
        {.status = 405, .body = "only GET and HEAD are served here\n", .allow = "GET, HEAD"});
  }
  if (path.starts_with(kApiPath)) return api_.Answer(request, answer);
  answer(Read(path));
}

HttpResponse HttpRoutes::Read(std::string_view path) const {
  if (path == "/metrics") {
    return {.content_type = std::string(exporters::kMetricsContentType), .body = metrics_.Render()};
  }
  if (path == "/-/healthy") return {.body = "posternd is healthy.\n"};
  if (path == "/-/ready") {
    return {.status = ready_ && storing_ ? 200U : 503U,
            .body = !ready_     ? "posternd is not ready.\n"
                    : !storing_ ? "posternd cannot store what it sees; its log says why.\n"
                                : "posternd is ready.\n"};
  }
  return {.status = 404,
          .body = "Not found. There are /metrics, /-/healthy, /-/ready, /-/reload and /api/v1/.\n"};
}

void HttpRoutes::AnswerReload(const exporters::HttpRequest& request,
                              const exporters::HttpAnswer& answer) const {
  if (request.method != "POST") {
    return answer({.status = 405, .body = "a reload is a POST\n", .allow = "POST"});
  }
  if (!reloadable_) {
    return answer({.status = 403,
                   .body = "Reloading over HTTP is off. Set enable_reload: true under web in the "
                           "configuration, or send posternd a SIGHUP.\n"});
  }
  const bool taken = reload_([answer](const Result<std::string>& outcome) {
    answer({.status = outcome ? 200U : 500U,
            .body = outcome ? *outcome + "\n" : outcome.error().message + "\n"});
  });
  if (!taken) answer({.status = 503, .body = "too many wait for a reload; try again\n"});
}

}  // namespace postern::daemon

#include "daemon/http_routes.h"

#include <string_view>

namespace postern::daemon {

exporters::HttpResponse HttpRoutes::Answer(const exporters::HttpRequest& request) const {
  exporters::HttpResponse response;
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  if (path == "/metrics") {
    response.content_type = exporters::kMetricsContentType;
    response.body = metrics_.Render();
  } else if (path == "/-/healthy") {
    response.body = "posternd is healthy.\n";
  } else if (path == "/-/ready") {
    response.status = ready_ && storing_ ? 200 : 503;
    response.body = !ready_     ? "posternd is not ready.\n"
                    : !storing_ ? "posternd cannot store what it sees; its log says why.\n"
                                : "posternd is ready.\n";
  } else {
    response.status = 404;
    response.body = "Not found. There are /metrics, /-/healthy and /-/ready.\n";
  }
  return response;
}

}  // namespace postern::daemon

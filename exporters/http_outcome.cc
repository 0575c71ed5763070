#include "exporters/http_outcome.h"

#include <utility>

namespace postern::exporters {

std::string WithoutSlashes(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool IsAboutContent(unsigned status) { return status == 400 || status == 413 || status == 422; }

std::string ReasonOf(const HttpReply& reply) {
  return "http_" + std::to_string(reply.status / 100) + "xx";
}

std::string DetailOf(const HttpReply& reply) {
  constexpr std::size_t kShown = 300;
  return "HTTP status " + std::to_string(reply.status) + ": " + reply.body.substr(0, kShown);
}

void Fail(const HttpReply& reply, DeliveryOutcome& outcome) {
  outcome.status = DeliveryOutcome::Status::kRetry;
  outcome.reason = ReasonOf(reply);
  outcome.detail = DetailOf(reply);
  outcome.retry_after = reply.retry_after;
}

void Fail(const HttpFailure& failure, DeliveryOutcome& outcome) {
  outcome.status = DeliveryOutcome::Status::kRetry;
  outcome.reason = ToString(failure.kind);
  outcome.detail = failure.detail;
}

}  // namespace postern::exporters

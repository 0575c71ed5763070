// What the answer to an HTTP request means for a delivery.
#pragma once

#include <string>

#include "exporters/http_client.h"
#include "exporters/receiver.h"

namespace postern::exporters {

std::string WithoutSlashes(std::string url);

inline bool IsTaken(const HttpReply& reply) { return reply.status / 100 == 2; }
// 400, 413 and 422 say that the request is too long or not to be processed: a smaller one, or
// another, may pass.
bool IsAboutContent(unsigned status);
// "http_4xx"
std::string ReasonOf(const HttpReply& reply);
// With the beginning of what was answered.
std::string DetailOf(const HttpReply& reply);

// The way to the receiver is not open; to be tried again.
void Fail(const HttpReply& reply, DeliveryOutcome& outcome);
void Fail(const HttpFailure& failure, DeliveryOutcome& outcome);

}  // namespace postern::exporters

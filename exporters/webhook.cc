#include "exporters/webhook.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <utility>
#include <variant>

#include "core/digest.h"
#include "exporters/escape.h"
#include "exporters/finding_json.h"
#include "exporters/finding_link.h"
#include "exporters/http_outcome.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using Status = DeliveryOutcome::Status;

constexpr int kVersion = 1;
// One call takes no more than a timeout longer than this; what is left has its turn in the next.
constexpr auto kLongestCall = std::chrono::seconds(10);
constexpr std::string_view kSecretPrefix = "whsec_";

std::string KeyOf(std::string_view secret) {
  if (!secret.starts_with(kSecretPrefix)) return std::string(secret);
  return DecodeBase64(secret.substr(kSecretPrefix.size())).value_or(std::string(secret));
}

}  // namespace

std::string WebhookId(const Transition& transition) {
  constexpr std::size_t kCharacters = 26;
  const auto at = transition.at.time_since_epoch().count();
  return "msg_" +
         Sha256Base32(transition.finding_id + "|" + std::to_string(transition.episode) + "|" +
                          std::string(ToString(transition.kind)) + "|" + std::to_string(at),
                      kCharacters);
}

std::string WebhookBody(const Finding& finding, const Transition& transition,
                        const std::string& external_url, const std::string& window) {
  json::object body;
  body["version"] = kVersion;
  body["type"] = "finding." + std::string(ToString(transition.kind));
  body["timestamp"] = FormatTime(transition.at);
  body["id"] = WebhookId(transition);
  body["finding"] = FindingObject(finding);
  if (!external_url.empty()) body["url"] = FindingLink(external_url, finding);
  if (!window.empty()) body["window"] = ValidUtf8(window);
  return json::serialize(body);
}

HttpHeaders SignWebhook(const std::string& id, TimePoint at, std::string_view body,
                        std::string_view secret) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  const auto timestamp = std::to_string(seconds);
  HttpHeaders headers = {{"Content-Type", "application/json"},
                         {"webhook-id", id},
                         {"webhook-timestamp", timestamp},
                         {"Idempotency-Key", id}};
  if (secret.empty()) return headers;
  const auto signed_text = id + "." + timestamp + "." + std::string(body);
  headers.emplace_back("webhook-signature", "v1," + HmacSha256Base64(KeyOf(secret), signed_text));
  return headers;
}

WebhookReceiver::WebhookReceiver(WebhookSettings settings)
    : settings_(std::move(settings)), http_(settings_.http), secret_(settings_.secret_file) {}

DeliveryOutcome WebhookReceiver::Deliver(const DeliveryBatch& batch, const std::stop_token& stop) {
  DeliveryOutcome outcome;
  const auto secret = secret_.Read();
  if (!secret) {
    outcome.status = Status::kRetry;
    outcome.reason = "secret";
    outcome.detail = secret.error().message;
    return outcome;
  }
  const auto findings = ById(batch.findings);
  const auto end = std::chrono::steady_clock::now() + kLongestCall;
  for (const auto& queued : batch.queue) {
    if (queued.delivered) continue;
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= end) break;
    const auto finding = findings.find(queued.transition.finding_id);
    if (finding == findings.end()) {  // no longer for this receiver
      outcome.dropped.push_back(queued.id);
      continue;
    }
    const auto body =
        WebhookBody(*finding->second, queued.transition, settings_.external_url, queued.window);
    const auto headers = SignWebhook(WebhookId(queued.transition), batch.now, body, *secret);
    const auto answer = http_.Post(settings_.url, headers, body, settings_.timeout);
    const auto* reply = std::get_if<HttpReply>(&answer);
    if (reply != nullptr && IsTaken(*reply)) {
      outcome.taken.push_back(queued.id);
    } else if (reply != nullptr && IsAboutContent(reply->status)) {
      outcome.refused.push_back({queued.id, DetailOf(*reply)});
    } else {
      std::visit([&](const auto& failed) { Fail(failed, outcome); }, answer);
      break;
    }
  }
  return outcome;
}

}  // namespace postern::exporters

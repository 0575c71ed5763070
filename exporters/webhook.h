// Findings to a webhook: one POST of JSON for each transition, in the order in which they happened
// to a finding. docs/webhook.md is the contract with whoever receives them. The requests are signed
// as Standard Webhooks prescribes (github.com/standard-webhooks, specification 1.0), so that its
// libraries verify them.
//
// WebhookBody, WebhookId and SignWebhook are pure; WebhookReceiver is used from one thread.
#pragma once

#include <string>
#include <string_view>

#include "core/time.h"
#include "exporters/http_client.h"
#include "exporters/receiver.h"
#include "exporters/secret_file.h"

namespace postern::exporters {

struct WebhookSettings {
  std::string url;
  std::string secret_file;   // empty: requests are not signed
  std::string external_url;  // where links to findings lead; empty: no links
  HttpClientConfig http = {};
  Duration timeout = std::chrono::seconds(10);  // of one POST
};

// The same for every attempt to deliver the transition, by any daemon on this database.
std::string WebhookId(const Transition& transition);
// The finding as it stands now, and what happened to it.
std::string WebhookBody(const Finding& finding, const Transition& transition,
                        const std::string& external_url, const std::string& window = {});
// Headers webhook-id, webhook-timestamp, idempotency-key, and with a secret webhook-signature. A
// secret that begins with "whsec_" stands for the bytes that it holds in base64.
HttpHeaders SignWebhook(const std::string& id, TimePoint at, std::string_view body,
                        std::string_view secret);

class WebhookReceiver : public Receiver {
 public:
  explicit WebhookReceiver(WebhookSettings settings);

  // 2xx: taken. 400, 413 and 422, which are about the notification: refused. Every other status,
  // and no answer, is about the way there: nothing more is sent, and the rest is retried.
  DeliveryOutcome Deliver(const DeliveryBatch& batch, const std::stop_token& stop) override;

 private:
  const WebhookSettings settings_;
  HttpClient http_;
  SecretFile secret_;
};

}  // namespace postern::exporters

// Delivers findings to one Alertmanager, through POST /api/v2/alerts. An alert that it refuses
// keeps no other from arriving: it is found by halving the request, and left out until it changes.
// Used from one thread.
#pragma once

#include <string>

#include "core/time.h"
#include "exporters/http_client.h"
#include "exporters/receiver.h"

namespace postern::exporters {

struct AlertmanagerSettings {
  std::string url;               // up to where /api/v2 begins, for example "http://127.0.0.1:9093"
  std::string external_url;      // where links to findings lead; empty: no links
  std::string runbook_url = {};  // where the runbooks lie; empty: alerts name none
  HttpClientConfig http = {};
  Duration timeout = std::chrono::seconds(10);  // of one POST
  // After this time a delivery begins no further request, nor does the search for what is refused
  // go on if it found any; what is left is sent by the next.
  Duration longest_call = std::chrono::seconds(10);
};

class AlertmanagerReceiver : public Receiver {
 public:
  explicit AlertmanagerReceiver(AlertmanagerSettings settings);

  // 2xx: taken. 400, 413 and 422 are about the alerts, unless an empty list has that answer too.
  // 429, 5xx and no answer: retry. Any other status: rejected.
  DeliveryOutcome Deliver(const DeliveryBatch& batch, const std::stop_token& stop) override;

 private:
  const AlertmanagerSettings settings_;
  HttpClient http_;
  // What deliveries that ended early have sent so far, by key; empty once all is sent.
  std::map<std::string, std::string> sent_;
};

}  // namespace postern::exporters

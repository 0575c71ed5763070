// Findings as alerts of one Alertmanager, through POST /api/v2/alerts.
//
// Alertmanager knows an alert by its set of labels, and so does the memory here: it holds the
// alerts that were last sent as firing, and those that ended, for as long as their end is repeated.
// What is remembered and no longer wanted (resolved, acknowledged, accepted, or under other labels
// now) is ended; a restart of either side changes nothing in that.
//
// BuildAlerts is pure; AlertmanagerReceiver is used from one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/time.h"
#include "exporters/receiver.h"

namespace postern::exporters {

struct AlertmanagerSettings {
  std::string url;           // up to where /api/v2 begins, for example "http://127.0.0.1:9093"
  std::string external_url;  // where links to findings lead; empty: no links
  Duration timeout = std::chrono::seconds(10);  // of one POST
};

// How far ahead a firing alert says that it ends, if nothing is heard of it until then.
inline constexpr Duration kFiringFor = std::chrono::hours(4);
// How long the end of an alert is repeated after it was first taken.
inline constexpr Duration kRepeatResolvedFor = std::chrono::minutes(5);
inline constexpr std::size_t kAlertsPerPost = 500;

struct AlertmanagerPayload {
  // Request bodies in order, at least one: an empty list of alerts tells whether Alertmanager would
  // be there. At most kAlertsPerPost alerts each, but the alerts of one finding stay together.
  std::vector<std::string> bodies;
  std::map<std::string, std::string> memory;  // to be kept once all bodies were taken
};

// Every finding in state `open` fires. What else batch.memory holds ends, as does each finding
// whose resolution still waits in the queue: an end that Alertmanager never heard of is told even
// if its beginning was not.
AlertmanagerPayload BuildAlerts(const DeliveryBatch& batch, const std::string& external_url);

class AlertmanagerReceiver : public Receiver {
 public:
  explicit AlertmanagerReceiver(AlertmanagerSettings settings);

  // 2xx: delivered. 429, 5xx and no answer: retry. Any other status: rejected.
  DeliveryOutcome Deliver(const DeliveryBatch& batch) override;

 private:
  const AlertmanagerSettings settings_;
};

}  // namespace postern::exporters

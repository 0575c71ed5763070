// Findings as Alertmanager's alerts: what fires, what ends, and what is remembered of that.
//
// Alertmanager knows an alert by its set of labels, and so does the memory here: it holds the
// alerts that were last sent as firing, those that ended, for as long as their end is repeated, and
// those that were refused, for as long as they stay as they were. What is remembered and no longer
// wanted (resolved, acknowledged, accepted, or under other labels now) is ended; a restart of
// either side changes nothing in that.
//
// Everything here is pure.
#pragma once

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/time.h"
#include "exporters/receiver.h"

namespace postern::exporters {

// How far ahead a firing alert says that it ends, if nothing is heard of it until then.
inline constexpr Duration kFiringFor = std::chrono::hours(4);
// How long the end of an alert is repeated after it was first taken: at least five minutes, by
// re-sends that are a minute apart.
inline constexpr Duration kRepeatResolvedFor = std::chrono::minutes(6);
// How long an alert that was refused is left alone.
inline constexpr Duration kRetryRefusedAfter = std::chrono::hours(1);
inline constexpr std::size_t kAlertsPerPost = 500;

// Where links in alerts lead; an empty one makes none.
struct AlertLinks {
  std::string external_url;      // to the finding
  std::string runbook_url = {};  // the folder of the runbooks
};

struct OutgoingAlert {
  std::string finding;         // id without the episode
  std::string json;            // as Alertmanager's API takes it
  std::string key;             // in the receiver's memory
  std::string taken_memory;    // under that key, once it was taken
  std::string refused_memory;  // or once it was refused
  bool fires = false;
};

struct Alerts {
  // In the order of sending: by finding, what ended before what fires.
  std::vector<OutgoingAlert> outgoing;
  // Refused as they are, and not tried for kRetryRefusedAfter. Whatever refuses them may be gone.
  std::vector<OutgoingAlert> due;
  // Of those that are not sent, because they were refused and are still the same.
  std::map<std::string, std::string> quarantined;
};

// Every finding in state `open` fires. What else batch.memory holds ends, as does each finding
// whose resolution still waits in the queue: an end that Alertmanager never heard of is told even
// if its beginning was not. A finding that a window of change holds stays as it was last sent: what
// fires goes on firing, and what does not fire waits. Whatever waits in the queue of a finding ends
// its alerts' quarantine.
Alerts BuildAlerts(const DeliveryBatch& batch, const AlertLinks& links);

// The requests that the alerts make, at least one: an empty list of alerts tells whether
// Alertmanager would be there. At most kAlertsPerPost alerts each, but the alerts of one finding
// stay together.
std::vector<std::span<const OutgoingAlert>> Requests(std::span<const OutgoingAlert> alerts);
// The body of a request.
std::string AlertsJson(std::span<const OutgoingAlert> alerts);

}  // namespace postern::exporters

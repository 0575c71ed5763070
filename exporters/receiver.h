// A receiver: where findings are delivered. One implementation a system (Alertmanager, webhook,
// ticket ...); each is used from one delivery thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/finding.h"
#include "core/time.h"

namespace postern::exporters {

// A transition that waits for this receiver, or that it took a short while ago.
struct QueuedTransition {
  std::int64_t id = 0;
  Transition transition;
  std::optional<TimePoint> delivered;  // when the receiver first took it
};

struct DeliveryBatch {
  TimePoint now;
  std::vector<Finding>
      findings;  // everything this receiver wants that is unresolved, or named below
  std::vector<QueuedTransition> queue;        // oldest first
  std::map<std::string, std::string> memory;  // what this receiver returned last time
};

struct DeliveryOutcome {
  enum class Status : std::uint8_t { kDelivered, kRetry, kRejected };

  Status status = Status::kDelivered;
  std::string reason;  // of a failure; one of a few words, it becomes a metric label: "timeout",
                       // "connect", "http_4xx", "http_5xx", "protocol"
  std::string detail;  // of a failure, for the log
  Duration retry_after{};                     // kRetry: what the receiver asked for; 0: nothing
  std::map<std::string, std::string> memory;  // to be kept for the next batch; kDelivered only
};

class Receiver {
 public:
  virtual ~Receiver() = default;
  // Blocks, for at most the receiver's own time limit.
  virtual DeliveryOutcome Deliver(const DeliveryBatch& batch) = 0;
};

}  // namespace postern::exporters

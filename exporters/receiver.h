// A receiver: where findings are delivered. One implementation a system (Alertmanager, webhook,
// ticket ...); each is used from one delivery thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
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
  // The window of change that it waited for, in words; empty if there was none.
  std::string window = {};
};

struct DeliveryBatch {
  TimePoint now;
  std::vector<Finding>
      findings;  // everything this receiver wants that is unresolved, or named below
  std::vector<QueuedTransition> queue;        // oldest first
  std::map<std::string, std::string> memory;  // what this receiver returned last time
  // Findings, by id without the episode, that a window of change selects now. Their news are not in
  // the queue, and what was told of them before stands until the window is over.
  std::set<std::string> held = {};
};

// What the receiver will never take as it is.
struct RefusedRow {
  std::int64_t id = 0;       // 0: no row, but what is sent of the finding's present state
  std::string reason;        // for people
  std::string finding = {};  // set where there is no row
};

struct DeliveryOutcome {
  enum class Status : std::uint8_t {
    kDelivered,  // nothing failed; what is neither taken nor refused has its turn after `rest`
    kRetry,      // the rest is to be tried again later
    kRejected,   // the receiver answers, and refuses; tried again at the next re-send
  };

  Status status = Status::kDelivered;
  std::string reason;  // of a failure; one of a few words, it becomes a metric label: "timeout",
                       // "connect", "http_4xx", "http_5xx", "protocol"
  std::string detail;  // of a failure, for the log; may hold what the receiver answered
  Duration rest{};     // kDelivered: what is left has its turn after that, or with the next news
  Duration retry_after{};   // kRetry: what the receiver asked for; 0: nothing
  bool until_news = false;  // kRetry: what is new need not wait for that
  bool resent = false;      // it took the present state, which no row stands for
  // Of the queue, whatever the status.
  std::vector<std::int64_t> taken;
  std::vector<std::int64_t> dropped = {};  // not for this receiver, or not any more
  std::vector<RefusedRow> refused;         // dead letters from now on
  // To be kept for the next batch; none: as before.
  std::optional<std::map<std::string, std::string>> memory;

  bool TookSomething() const;
};

// The rows of the batch that the receiver has not taken yet.
std::vector<std::int64_t> Undelivered(const DeliveryBatch& batch);

class Receiver {
 public:
  virtual ~Receiver() = default;
  // Blocks for some ten seconds and a request more; what is left has its turn in the next call.
  // Once it is to stop, it begins no further request.
  virtual DeliveryOutcome Deliver(const DeliveryBatch& batch, const std::stop_token& stop) = 0;
};

}  // namespace postern::exporters

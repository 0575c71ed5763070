// Delivers findings to one receiver, on a thread of its own, so that a receiver that hangs delays
// no other. Each time the whole present state is loaded, with the transitions that wait: on news,
// and again at every re-send period; what failed is part of the next attempt by itself. Rows are
// acknowledged after the receiver took them, so that each is delivered at least once.
//
// Wake and RequestStop are thread-safe. The callbacks run on the delivery thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "exporters/metrics.h"
#include "exporters/receiver.h"

namespace postern::exporters {

// Where the state to deliver comes from, and where it is written that it was delivered. Both may
// block; an error is logged, counted as reason "storage" and tried again.
struct DeliverySource {
  std::function<Result<DeliveryBatch>()> load;
  // Of an outcome: what was taken or refused at that time, and the memory to be kept.
  std::function<Result<void>(const DeliveryOutcome& outcome, TimePoint at)> acknowledge;
};

struct DeliveryTiming {
  Duration resend = std::chrono::minutes(1);
  Duration shortest_backoff = std::chrono::seconds(1);
  Duration longest_backoff = std::chrono::minutes(5);
  // What a receiver may ask for with Retry-After. Well below the four hours after which a firing
  // alert that is not repeated ends.
  Duration longest_retry_after = std::chrono::hours(1);
};

// How long to wait after `failures` attempts in a row that may be retried, at least 1: the shortest
// backoff, doubled for each but the first, up to the longest; `jitter` from 0 to 1 takes up to half
// off.
Duration Backoff(const DeliveryTiming& timing, int failures, double jitter);

class Delivery {
 public:
  // Starts with what is there to deliver: at once, or when `former` has ended, which is asked to
  // stop, since two deliveries to one receiver would overtake each other. `metrics` must outlive
  // this.
  Delivery(std::string name, std::unique_ptr<Receiver> receiver, DeliverySource source,
           Metrics& metrics, DeliveryTiming timing = {},
           std::unique_ptr<Delivery> former = nullptr);
  // Stops: waits for the request under way, thus for at most its time limit.
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // There is something new. Does not cut short the wait after a failure.
  void Wake();
  // Starts no other delivery. Returns at once: ask all before destroying the first.
  void RequestStop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::exporters

// The configured receivers at work: a delivery for each, fed from the store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/time.h"
#include "daemon/storage_thread.h"
#include "exporters/delivery.h"
#include "exporters/metrics.h"
#include "policy/config.h"

namespace postern::daemon {

// One place that is delivered to. A receiver of several Alertmanagers is several: each gets
// everything, and none waits for another.
struct ReceiverInstance {
  std::string
      name;  // the configured one, with "/HOST[:PORT][/PATH]" behind it where there are several
  std::string url;
  const policy::ReceiverConfig* config = nullptr;  // owned by the configuration
};

std::vector<ReceiverInstance> InstancesOf(const policy::Config& config);

// Of all findings, what this receiver is to be given: those that fit its filters and are not over,
// and those that it has news of.
std::vector<Finding> FindingsFor(const ReceiverInstance& instance, const policy::Config& config,
                                 std::vector<Finding> findings,
                                 const std::vector<exporters::QueuedTransition>& queue);

// All deliveries of a configuration. Used from one thread, but for Wake.
class Deliveries {
 public:
  // Starts them. What it is given must outlive it.
  Deliveries(std::shared_ptr<const policy::Config> config, StorageThread& storage,
             exporters::Metrics& metrics, const Clock& clock);
  // Ends them; waits for what is being sent.
  ~Deliveries();
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  // Thread-safe.
  void Wake();

 private:
  exporters::DeliverySource SourceOf(const ReceiverInstance& instance);

  const std::shared_ptr<const policy::Config> config_;
  StorageThread& storage_;
  exporters::Metrics& metrics_;
  const Clock& clock_;
  std::vector<std::unique_ptr<exporters::Delivery>> deliveries_;
};

}  // namespace postern::daemon

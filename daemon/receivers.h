// The configured receivers at work: a delivery for each, fed from the store.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/time.h"
#include "daemon/change_windows.h"
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

// Holds and releases the news of every receiver as `windows` have it; on the storage thread.
Result<void> FollowWindows(storage::Store& store, const policy::Config& config,
                           const std::vector<ActiveWindow>& windows, TimePoint now);

// What waits for each, as metrics; on the storage thread, after whatever changed it.
void PublishOutbox(const storage::Store& store, const std::string& receiver,
                   exporters::Metrics& metrics);
void PublishOutboxes(const storage::Store& store, const policy::Config& config,
                     exporters::Metrics& metrics);

// The deliveries of the configuration in force. Thread-safe.
class Deliveries {
 public:
  // Returns the windows of change in force; called on the storage thread.
  using ActiveWindows = std::function<std::vector<ActiveWindow>()>;

  // None at first. What it is given must outlive it.
  Deliveries(StorageThread& storage, exporters::Metrics& metrics, const Clock& clock,
             ActiveWindows windows)
      : storage_(storage), metrics_(metrics), clock_(clock), windows_(std::move(windows)) {}
  // Ends them; waits for the requests under way.
  ~Deliveries();
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  // Returns at once with those that are on their way out, which end when they are destroyed. A
  // receiver whose settings are as before is left alone, whatever it waits for; one that changes
  // waits for what it sends, and for no other.
  using Leaving = std::vector<std::unique_ptr<exporters::Delivery>>;
  Leaving Follow(const std::shared_ptr<const policy::Config>& config);
  // How many deliveries `config` would start.
  std::size_t CountNew(const policy::Config& config) const;
  // Whether a delivery could not be started; Follow() tries again.
  bool MissesSome() const;
  void Wake();
  // None begins a further request; returns at once.
  void RequestStop();

 private:
  // What a delivery is made of.
  struct Settings {
    policy::ReceiverConfig receiver;
    std::string url;
    std::string external_url;
    std::string runbook_url;
    Duration reopen_within{};

    bool operator==(const Settings& other) const;
  };
  struct Running {
    Settings settings;
    std::unique_ptr<exporters::Delivery> delivery;
  };

  static Settings SettingsOf(const ReceiverInstance& instance, const policy::Config& config);
  Running Start(const ReceiverInstance& instance,
                const std::shared_ptr<const policy::Config>& config,
                std::unique_ptr<exporters::Delivery> former);
  exporters::DeliverySource SourceOf(const ReceiverInstance& instance,
                                     const std::shared_ptr<const policy::Config>& config);

  StorageThread& storage_;
  exporters::Metrics& metrics_;
  const Clock& clock_;
  const ActiveWindows windows_;
  mutable std::mutex mutex_;
  // By the instance's name; guarded by mutex_. Without a delivery: it could not be started.
  std::map<std::string, Running> running_;
};

}  // namespace postern::daemon

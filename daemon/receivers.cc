#include "daemon/receivers.h"

#include <algorithm>
#include <set>
#include <utility>

#include "exporters/alertmanager.h"

namespace postern::daemon {
namespace {

std::string WithoutScheme(const std::string& url) {
  const auto scheme = url.find("://");
  return scheme == std::string::npos ? url : url.substr(scheme + 3);
}

std::vector<Finding> Wanted(std::vector<Finding> findings, const policy::Config& config,
                            const policy::ReceiverConfig& receiver,
                            const std::vector<exporters::QueuedTransition>& queue) {
  std::set<std::string> queued;
  for (const auto& row : queue) queued.insert(row.transition.finding_id);
  std::erase_if(findings, [&](const Finding& finding) {
    const bool current = finding.state != FindingState::kResolved || queued.contains(finding.id);
    return finding.viewpoint != config.viewpoint || !current || !receiver.Wants(finding.drift);
  });
  return findings;
}

void PublishOutbox(const std::string& receiver,
                   const std::vector<exporters::QueuedTransition>& queue,
                   exporters::Metrics& metrics) {
  std::size_t pending = 0;
  std::optional<TimePoint> oldest;
  for (const auto& row : queue) {
    if (row.delivered) continue;
    ++pending;
    if (!oldest) oldest = row.transition.at;
  }
  metrics.SetOutbox(receiver, pending, oldest);
}

}  // namespace

std::vector<ReceiverInstance> InstancesOf(const policy::Config& config) {
  std::vector<ReceiverInstance> instances;
  for (const auto& receiver : config.receivers) {
    const auto* alertmanager = std::get_if<policy::AlertmanagerConfig>(&receiver.settings);
    if (alertmanager == nullptr) continue;
    for (const auto& url : alertmanager->urls) {
      const bool only = alertmanager->urls.size() == 1;
      instances.push_back(
          {only ? receiver.name : receiver.name + "/" + WithoutScheme(url), url, &receiver});
    }
  }
  return instances;
}

Deliveries::Deliveries(std::shared_ptr<const policy::Config> config, StorageThread& storage,
                       exporters::Metrics& metrics, const Clock& clock)
    : config_(std::move(config)), storage_(storage), metrics_(metrics), clock_(clock) {
  const auto instances = InstancesOf(*config_);
  std::vector<std::string> names;
  names.reserve(instances.size());
  for (const auto& instance : instances) names.push_back(instance.name);
  metrics_.SetReceivers(names);
  for (const auto& instance : instances) {
    auto receiver =
        std::make_unique<exporters::AlertmanagerReceiver>(exporters::AlertmanagerSettings{
            .url = instance.url, .external_url = config_->external_url});
    deliveries_.push_back(std::make_unique<exporters::Delivery>(instance.name, std::move(receiver),
                                                                SourceOf(instance), metrics_));
  }
}

Deliveries::~Deliveries() {
  for (const auto& delivery : deliveries_) delivery->RequestStop();
}

void Deliveries::Wake() {
  for (const auto& delivery : deliveries_) delivery->Wake();
}

exporters::DeliverySource Deliveries::SourceOf(const ReceiverInstance& instance) {
  exporters::DeliverySource source;
  source.load = [this, instance]() -> Result<exporters::DeliveryBatch> {
    exporters::DeliveryBatch batch;
    batch.now = clock_.Now();
    return storage_.Run([&](storage::Store& store) -> Result<exporters::DeliveryBatch> {
      auto findings = store.Findings();
      if (!findings) return findings.error();
      const auto rows = store.Outbox(instance.name, batch.now - exporters::kRepeatResolvedFor);
      if (!rows) return rows.error();
      auto memory = store.ReceiverMemory(instance.name);
      if (!memory) return memory.error();
      for (const auto& row : *rows) batch.queue.push_back({row.id, row.transition, row.delivered});
      batch.findings = Wanted(std::move(*findings), *config_, *instance.config, batch.queue);
      batch.memory = std::move(*memory);
      PublishOutbox(instance.name, batch.queue, metrics_);
      return std::move(batch);
    });
  };
  source.acknowledge = [this, instance](const std::vector<std::int64_t>& rows, TimePoint at,
                                        const std::map<std::string, std::string>& memory) {
    return storage_.Run([&](storage::Store& store) -> Result<void> {
      auto acknowledged = store.Acknowledge(instance.name, rows, at, memory);
      if (acknowledged) metrics_.SetOutbox(instance.name, 0, std::nullopt);
      return acknowledged;
    });
  };
  return source;
}

}  // namespace postern::daemon

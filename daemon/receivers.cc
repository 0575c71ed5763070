#include "daemon/receivers.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "core/guarded.h"
#include "core/log.h"
#include "daemon/held_news.h"
#include "exporters/alertmanager.h"
#include "exporters/alerts.h"
#include "exporters/email.h"
#include "exporters/secret_file.h"
#include "exporters/ticket_receiver.h"
#include "exporters/ticket_systems.h"
#include "exporters/webhook.h"

namespace postern::daemon {
namespace {

// How long a receiver keeps its news on purpose.
Duration DelayOf(const decltype(policy::ReceiverConfig::settings)& settings) {
  const auto* email = std::get_if<policy::EmailConfig>(&settings);
  return email == nullptr ? Duration(0) : email->digest;
}

exporters::TicketRoute RouteOf(const policy::TicketPlace& place) {
  return {.repository = place.repository, .assignee = place.assignee, .component = place.component};
}

std::unique_ptr<exporters::TicketSystem> MakeTicketSystem(policy::Tracker tracker,
                                                          const exporters::TrackerAccess& access) {
  switch (tracker) {
    case policy::Tracker::kGithub:
      return exporters::MakeGithubIssues(access);
    case policy::Tracker::kGitlab:
      return exporters::MakeGitlabIssues(access);
    case policy::Tracker::kRedmine:
      return exporters::MakeRedmineIssues(access);
    case policy::Tracker::kJira:
      return exporters::MakeJiraIssues(access);
  }
  std::abort();
}

exporters::TicketMarkup MarkupOf(policy::Tracker tracker) {
  switch (tracker) {
    case policy::Tracker::kGithub:
    case policy::Tracker::kGitlab:
      return exporters::TicketMarkup::kMarkdown;
    case policy::Tracker::kRedmine:
      return exporters::TicketMarkup::kRedmine;
    case policy::Tracker::kJira:
      return exporters::TicketMarkup::kJira;
  }
  return exporters::TicketMarkup::kMarkdown;
}

std::unique_ptr<exporters::Receiver> MakeTicketReceiver(const std::string& name,
                                                        const policy::TicketConfig& ticket,
                                                        const policy::Config& config) {
  using exporters::TicketPer;
  exporters::TicketSettings settings{
      .viewpoint = config.viewpoint,
      .receiver = name,
      .per = ticket.per_host ? TicketPer::kHost : TicketPer::kFinding,
      .style = {.markup = MarkupOf(ticket.system),
                .external_url = config.external_url,
                .title = ticket.title,
                .body = ticket.body},
      .route = RouteOf(ticket.place),
      .owners = {},
      .reopen_within = config.confirm.reopen_within};
  for (const auto& [owner, place] : ticket.owners) settings.owners.emplace(owner, RouteOf(place));
  auto make_system = [tracker = ticket.system, url = ticket.url,
                      token = exporters::SecretFile(ticket.token_file),
                      rests_until = std::make_shared<exporters::SteadyTime>(),
                      http = std::make_shared<exporters::HttpClient>(ticket.http)](
                         exporters::SteadyTime deadline) mutable
      -> Result<std::unique_ptr<exporters::TicketSystem>> {
    auto secret = token.Read();
    if (!secret) return secret.error();
    return MakeTicketSystem(tracker, {.url = url,
                                      .token = *std::move(secret),
                                      .deadline = deadline,
                                      .rests_until = rests_until,
                                      .http = http});
  };
  return std::make_unique<exporters::TicketReceiver>(std::move(settings), std::move(make_system));
}

std::unique_ptr<exporters::Receiver> MakeEmailReceiver(const policy::EmailConfig& email,
                                                       const policy::Config& config) {
  return std::make_unique<exporters::EmailReceiver>(exporters::EmailSettings{
      .envelope = {.from = email.from, .to = email.to, .external_url = config.external_url},
      .server = {.url = email.server,
                 .starttls = email.starttls,
                 .username = email.username,
                 .password = {},
                 .transport = std::make_shared<exporters::Transport>(email.transport)},
      .password_file = email.password_file,
      .digest = email.digest});
}

std::unique_ptr<exporters::Receiver> MakeReceiver(const ReceiverInstance& instance,
                                                  const policy::Config& config) {
  if (const auto* webhook = std::get_if<policy::WebhookConfig>(&instance.config->settings)) {
    return std::make_unique<exporters::WebhookReceiver>(
        exporters::WebhookSettings{.url = instance.url,
                                   .secret_file = webhook->secret_file,
                                   .external_url = config.external_url,
                                   .http = webhook->http});
  }
  if (const auto* ticket = std::get_if<policy::TicketConfig>(&instance.config->settings)) {
    return MakeTicketReceiver(instance.name, *ticket, config);
  }
  if (const auto* email = std::get_if<policy::EmailConfig>(&instance.config->settings)) {
    return MakeEmailReceiver(*email, config);
  }
  const auto& alertmanager = std::get<policy::AlertmanagerConfig>(instance.config->settings);
  return std::make_unique<exporters::AlertmanagerReceiver>(
      exporters::AlertmanagerSettings{.url = instance.url,
                                      .external_url = config.external_url,
                                      .runbook_url = config.runbook_url,
                                      .http = alertmanager.http});
}

}  // namespace

std::vector<ReceiverInstance> InstancesOf(const policy::Config& config) {
  std::vector<ReceiverInstance> instances;
  for (const auto& receiver : config.receivers) {
    if (const auto* webhook = std::get_if<policy::WebhookConfig>(&receiver.settings)) {
      instances.push_back({receiver.name, webhook->url, &receiver});
    }
    if (const auto* email = std::get_if<policy::EmailConfig>(&receiver.settings)) {
      instances.push_back({receiver.name, email->server, &receiver});
    }
    const auto* ticket = std::get_if<policy::TicketConfig>(&receiver.settings);
    if (ticket != nullptr) instances.push_back({receiver.name, ticket->url, &receiver});
    const auto* alertmanager = std::get_if<policy::AlertmanagerConfig>(&receiver.settings);
    if (alertmanager == nullptr) continue;
    for (const auto& url : alertmanager->urls) {
      const bool only = alertmanager->urls.size() == 1;
      instances.push_back(
          {only ? receiver.name : receiver.name + "/" + policy::AlertmanagerPlace(url), url,
           &receiver});
    }
  }
  return instances;
}

std::vector<Finding> FindingsFor(const ReceiverInstance& instance, const policy::Config& config,
                                 std::vector<Finding> findings,
                                 const std::vector<exporters::QueuedTransition>& queue) {
  std::set<std::string> queued;
  for (const auto& row : queue) queued.insert(row.transition.finding_id);
  const auto& receiver = *instance.config;
  // What does not fit an Alertmanager's filters any more is not to fire under its new labels.
  const bool fires = std::holds_alternative<policy::AlertmanagerConfig>(receiver.settings);
  std::erase_if(findings, [&](const Finding& finding) {
    const bool has_news = queued.contains(finding.id);
    const bool current = finding.state != FindingState::kResolved || has_news;
    const bool wanted = receiver.Wants(finding.drift) || (has_news && !fires);
    return finding.viewpoint != config.viewpoint || !current || !wanted;
  });
  return findings;
}

Result<void> FollowWindows(storage::Store& store, const policy::Config& config,
                           const std::vector<ActiveWindow>& windows, TimePoint now) {
  const auto instances = InstancesOf(config);
  bool any = !windows.empty();
  for (const auto& instance : instances) {
    const auto held = store.HasHeldNews(instance.name);
    if (!held) return held.error();
    any = any || *held;
  }
  if (!any) return {};
  const auto findings = store.Findings();
  if (!findings) return findings.error();
  for (const auto& instance : instances) {
    auto followed = FollowWindows(store, instance.name, *findings, windows, now);
    if (!followed) return followed;
  }
  return {};
}

void PublishOutbox(const storage::Store& store, const std::string& receiver,
                   exporters::Metrics& metrics) {
  const auto count = store.CountOutbox(receiver);
  if (!count) return metrics.RecordStorageError(exporters::StorageOperation::kRead);
  metrics.SetOutbox(receiver, count->waiting, count->oldest);
  metrics.SetDeadLetters(receiver, count->dead_letters);
  metrics.SetHeldNotifications(receiver, count->held);
}

void PublishOutboxes(const storage::Store& store, const policy::Config& config,
                     exporters::Metrics& metrics) {
  for (const auto& instance : InstancesOf(config)) PublishOutbox(store, instance.name, metrics);
}

bool Deliveries::Settings::operator==(const Settings& other) const {
  // Wherever they are written.
  return receiver.settings == other.receiver.settings &&
         receiver.severities == other.receiver.severities &&
         receiver.kinds == other.receiver.kinds && url == other.url &&
         external_url == other.external_url && runbook_url == other.runbook_url &&
         reopen_within == other.reopen_within;
}

Deliveries::Settings Deliveries::SettingsOf(const ReceiverInstance& instance,
                                            const policy::Config& config) {
  return {.receiver = *instance.config,
          .url = instance.url,
          .external_url = config.external_url,
          .runbook_url = config.runbook_url,
          .reopen_within = config.confirm.reopen_within};
}

Deliveries::~Deliveries() { RequestStop(); }

void Deliveries::RequestStop() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, running] : running_) {
    if (running.delivery) running.delivery->RequestStop();
  }
}

std::size_t Deliveries::CountNew(const policy::Config& config) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(InstancesOf(config), [&](const ReceiverInstance& instance) {
        const auto at = running_.find(instance.name);
        return at == running_.end() || at->second.settings != SettingsOf(instance, config);
      }));
}

bool Deliveries::MissesSome() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(running_, [](const auto& one) { return !one.second.delivery; });
}

Deliveries::Leaving Deliveries::Follow(const std::shared_ptr<const policy::Config>& config) {
  const auto instances = InstancesOf(*config);
  std::vector<std::string> names;
  names.reserve(instances.size());
  for (const auto& instance : instances) names.push_back(instance.name);
  metrics_.SetReceivers(names);
  for (const auto& instance : instances) {
    metrics_.SetOutboxDelay(instance.name, DelayOf(instance.config->settings));
  }
  storage_.Post([config, &metrics = metrics_](storage::Store& store) {
    PublishOutboxes(store, *config, metrics);
  });

  const std::lock_guard lock(mutex_);
  auto before = std::exchange(running_, {});
  for (const auto& instance : instances) {
    auto& [settings, former] = before[instance.name];
    const bool stays = former && settings == SettingsOf(instance, *config);
    running_[instance.name] = stays ? Running{std::move(settings), std::move(former)}
                                    : Start(instance, config, std::move(former));
  }
  Leaving leaving;
  for (auto& [name, gone] : before) {
    if (!gone.delivery) continue;
    gone.delivery->RequestStop();
    leaving.push_back(std::move(gone.delivery));
  }
  return leaving;
}

Deliveries::Running Deliveries::Start(const ReceiverInstance& instance,
                                      const std::shared_ptr<const policy::Config>& config,
                                      std::unique_ptr<exporters::Delivery> former) {
  Running running{SettingsOf(instance, *config), nullptr};
  const auto started = Guarded([&] {
    running.delivery = std::make_unique<exporters::Delivery>(
        instance.name, MakeReceiver(instance, *config), SourceOf(instance, config), metrics_,
        exporters::DeliveryTiming(), std::move(former));
  });
  if (!started) {
    Log(LogLevel::kError, "a receiver cannot be started; it is tried again",
        {{"receiver", instance.name}, {"error", started.error().message}});
  }
  return running;
}

void Deliveries::Wake() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, running] : running_) {
    if (running.delivery) running.delivery->Wake();
  }
}

exporters::DeliverySource Deliveries::SourceOf(
    const ReceiverInstance& instance, const std::shared_ptr<const policy::Config>& config) {
  exporters::DeliverySource source;
  source.load = [this, instance, config]() -> Result<exporters::DeliveryBatch> {
    exporters::DeliveryBatch batch;
    batch.now = clock_.Now();
    return storage_.Run([&](storage::Store& store) -> Result<exporters::DeliveryBatch> {
      auto findings = store.Findings();
      if (!findings) return findings.error();
      const auto windows = windows_();
      auto followed = FollowWindows(store, instance.name, *findings, windows, batch.now);
      if (!followed) return followed.error();
      const auto rows = store.Outbox(instance.name, batch.now - exporters::kRepeatResolvedFor);
      if (!rows) return rows.error();
      auto memory = store.ReceiverMemory(instance.name);
      if (!memory) return memory.error();
      for (const auto& row : *rows) {
        const bool is_held = !row.held.empty() && !row.released && !row.delivered;
        if (is_held) continue;
        batch.queue.push_back({row.id, row.transition, row.delivered, row.held});
      }
      for (const auto& finding : *findings) {
        if (FindWindow(windows, finding.drift) != nullptr) batch.held.insert(finding.id);
      }
      batch.findings = FindingsFor(instance, *config, *std::move(findings), batch.queue);
      batch.memory = std::move(*memory);
      return std::move(batch);
    });
  };
  source.acknowledge = [this, instance](const exporters::DeliveryOutcome& outcome, TimePoint at) {
    storage::Receipt receipt{.taken = outcome.taken, .refused = {}, .memory = outcome.memory};
    receipt.taken.insert(receipt.taken.end(), outcome.dropped.begin(), outcome.dropped.end());
    for (const auto& row : outcome.refused) {
      if (row.id != 0) receipt.refused.emplace_back(row.id, row.reason);
    }
    return storage_.Run([&](storage::Store& store) {
      auto acknowledged = store.Acknowledge(instance.name, receipt, at);
      if (!acknowledged) metrics_.RecordStorageError(exporters::StorageOperation::kAcknowledge);
      PublishOutbox(store, instance.name, metrics_);
      return acknowledged;
    });
  };
  return source;
}

}  // namespace postern::daemon

#include "exporters/alertmanager.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "exporters/alerts.h"
#include "exporters/http_client.h"

namespace postern::exporters {
namespace {

using Status = DeliveryOutcome::Status;
using Clock = std::chrono::steady_clock;

std::string WithoutSlashes(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// Alertmanager answers 400 for an alert that it does not take; what stands before it may say that
// a request is too long or not to be processed. A smaller one, or one without the culprit, passes.
bool IsAboutContent(const HttpReply& reply) {
  return reply.status == 400 || reply.status == 413 || reply.status == 422;
}

std::string DetailOf(const HttpReply& reply) {
  constexpr std::size_t kShown = 300;  // of the reply, in the log
  return "HTTP status " + std::to_string(reply.status) + ": " + reply.body.substr(0, kShown);
}

// One delivery: what came of it so far.
class AlertmanagerRound {
 public:
  AlertmanagerRound(const AlertmanagerSettings& settings, const DeliveryBatch& batch,
                    const std::stop_token& stop, std::map<std::string, std::string>& sent)
      : settings_(settings),
        batch_(batch),
        stop_(stop),
        url_(WithoutSlashes(settings.url) + "/api/v2/alerts"),
        end_(Clock::now() + settings.longest_call),
        sent_(sent) {}

  DeliveryOutcome Run() {
    Alerts alerts = BuildAlerts(batch_, settings_.external_url);
    std::erase_if(alerts.outgoing, [&](const auto& alert) { return IsSent(alert); });
    memory_ = batch_.memory;
    SendAll(alerts.outgoing);
    if (outcome_.status == Status::kDelivered) {
      if (!goes_on_) Forget(alerts);
      TakeRowsOfSent(alerts.outgoing);
      outcome_.resent = true;
    }
    if (!goes_on_) sent_.clear();
    outcome_.memory = std::move(memory_);
    return std::move(outcome_);
  }

 private:
  // In the form that it has now.
  bool IsSent(const OutgoingAlert& alert) const {
    const auto at = sent_.find(alert.key);
    return at != sent_.end() && at->second == alert.taken_memory;
  }

  // Without an answer the rest waits; what is merely rejected does not keep the next from being
  // sent.
  void SendAll(std::span<const OutgoingAlert> alerts) {
    bool first = true;
    for (const auto& request : Requests(alerts)) {
      if (outcome_.status == Status::kRetry) return;
      goes_on_ = goes_on_ || stop_.stop_requested() || (!first && Clock::now() >= end_);
      if (goes_on_) return;
      SendRequest(request);
      first = false;
    }
  }

  void SendRequest(std::span<const OutgoingAlert> alerts) {
    const auto answer = Post(alerts);
    const auto* reply = std::get_if<HttpReply>(&answer);
    if (reply == nullptr) {
      Fail(std::get<HttpFailure>(answer));
    } else if (reply->status / 100 == 2) {
      for (const auto& alert : alerts) {
        memory_[alert.key] = alert.taken_memory;
        sent_[alert.key] = alert.taken_memory;
      }
    } else if (!IsAboutContent(*reply) || !TakesAnEmptyList(alerts)) {
      Fail(*reply);
    } else if (alerts.size() == 1) {
      Quarantine(alerts.front(), DetailOf(*reply));
    } else {
      SendHalves(alerts);
    }
  }

  void SendHalves(std::span<const OutgoingAlert> alerts) {
    const std::size_t half = alerts.size() / 2;
    for (const auto& part : {alerts.first(half), alerts.subspan(half)}) {
      goes_on_ = stop_.stop_requested() || (!outcome_.refused.empty() && Clock::now() >= end_);
      if (outcome_.status != Status::kDelivered || goes_on_) return;
      SendRequest(part);
    }
  }

  std::variant<HttpReply, HttpFailure> Post(std::span<const OutgoingAlert> alerts) const {
    return HttpPost(url_, {{"Content-Type", "application/json"}}, AlertsJson(alerts),
                    settings_.timeout);
  }

  // If it does not, its refusals are about the way there (another program's port, a wrong path) and
  // say nothing of the alerts.
  bool TakesAnEmptyList(std::span<const OutgoingAlert> refused) {
    if (refused.empty()) return false;
    if (!takes_an_empty_list_) {
      const auto answer = Post({});
      const auto* reply = std::get_if<HttpReply>(&answer);
      takes_an_empty_list_ = reply != nullptr && reply->status / 100 == 2;
    }
    return *takes_an_empty_list_;
  }

  void Quarantine(const OutgoingAlert& alert, const std::string& why) {
    memory_[alert.key] = alert.refused_memory;
    bool told = false;
    for (const auto& queued : batch_.queue) {
      if (queued.delivered || queued.transition.finding_id != alert.finding) continue;
      told = true;
      if (!refused_rows_.insert(queued.id).second) continue;
      outcome_.refused.push_back({.id = queued.id, .reason = why});
    }
    if (!told) outcome_.refused.push_back({.id = 0, .reason = why, .finding = alert.finding});
  }

  // Those of findings of which nothing is left to send.
  void TakeRowsOfSent(std::span<const OutgoingAlert> alerts) {
    std::set<std::string_view> left;
    for (const auto& alert : alerts) {
      if (goes_on_ && !IsSent(alert)) left.insert(alert.finding);
    }
    for (const auto& queued : batch_.queue) {
      if (queued.delivered || refused_rows_.contains(queued.id)) continue;
      if (!left.contains(queued.transition.finding_id)) outcome_.taken.push_back(queued.id);
    }
  }

  // What is neither sent nor kept back any more.
  void Forget(const Alerts& alerts) {
    std::map<std::string, std::string> kept = alerts.quarantined;
    for (const auto& alert : alerts.outgoing) kept[alert.key] = memory_.at(alert.key);
    kept.insert(sent_.begin(), sent_.end());
    memory_ = std::move(kept);
  }

  void Fail(const HttpReply& reply) {
    const bool retry = reply.status == 429 || reply.status / 100 == 5;
    outcome_.status = retry ? Status::kRetry : Status::kRejected;
    outcome_.reason = "http_" + std::to_string(reply.status / 100) + "xx";
    outcome_.detail = DetailOf(reply);
    outcome_.retry_after = reply.retry_after;
  }

  void Fail(const HttpFailure& failure) {
    outcome_.status = Status::kRetry;
    outcome_.reason = ToString(failure.kind);
    outcome_.detail = failure.detail;
  }

  // Constant after construction.
  const AlertmanagerSettings& settings_;
  const DeliveryBatch& batch_;
  const std::stop_token& stop_;
  const std::string url_;
  const Clock::time_point end_;

  std::map<std::string, std::string>& sent_;  // the receiver's
  DeliveryOutcome outcome_;
  std::set<std::int64_t> refused_rows_;
  std::map<std::string, std::string> memory_;
  std::optional<bool> takes_an_empty_list_;
  bool goes_on_ = false;  // in the next delivery
};

}  // namespace

AlertmanagerReceiver::AlertmanagerReceiver(AlertmanagerSettings settings)
    : settings_(std::move(settings)) {}

DeliveryOutcome AlertmanagerReceiver::Deliver(const DeliveryBatch& batch,
                                              const std::stop_token& stop) {
  return AlertmanagerRound(settings_, batch, stop, sent_).Run();
}

}  // namespace postern::exporters

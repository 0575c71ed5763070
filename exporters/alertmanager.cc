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
#include "exporters/http_outcome.h"

namespace postern::exporters {
namespace {

using Status = DeliveryOutcome::Status;
using Clock = std::chrono::steady_clock;

// One delivery: what came of it so far.
class AlertmanagerRound {
 public:
  AlertmanagerRound(const AlertmanagerSettings& settings, HttpClient& http,
                    const DeliveryBatch& batch, const std::stop_token& stop,
                    std::map<std::string, std::string>& sent)
      : settings_(settings),
        http_(http),
        batch_(batch),
        stop_(stop),
        url_(WithoutSlashes(settings.url) + "/api/v2/alerts"),
        end_(Clock::now() + settings.longest_call),
        sent_(sent) {}

  DeliveryOutcome Run() {
    Alerts alerts = BuildAlerts(batch_, {settings_.external_url, settings_.runbook_url});
    std::erase_if(alerts.outgoing, [&](const auto& alert) { return IsSent(alert); });
    memory_ = batch_.memory;
    SendAll(alerts.outgoing);
    if (outcome_.status == Status::kDelivered) {
      if (!goes_on_) Forget(alerts);
      TakeRowsOfSent(alerts.outgoing);
      if (!goes_on_) TryRefused(alerts.due);
      outcome_.resent = true;
    }
    if (!goes_on_) sent_.clear();
    outcome_.memory = std::move(memory_);
    return std::move(outcome_);
  }

 private:
  using Answer = HttpResult;

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
    if (MayHaveArrived(answer)) RememberFiring(alerts);
    const auto* reply = std::get_if<HttpReply>(&answer);
    if (reply == nullptr) {
      Fail(std::get<HttpFailure>(answer), outcome_);
    } else if (IsTaken(*reply)) {
      for (const auto& alert : alerts) {
        memory_[alert.key] = alert.taken_memory;
        sent_[alert.key] = alert.taken_memory;
      }
    } else if (!IsAboutContent(reply->status) || !TakesAnEmptyList(alerts)) {
      FailBy(*reply);
    } else if (alerts.size() == 1) {
      Quarantine(alerts.front(), DetailOf(*reply));
    } else {
      SendHalves(alerts);
    }
  }

  // Without word of it: the answer may be lost, or another's who stands between.
  static bool MayHaveArrived(const Answer& answer) {
    const auto* reply = std::get_if<HttpReply>(&answer);
    if (reply != nullptr) return reply->status / 100 == 5;
    const auto kind = std::get<HttpFailure>(answer).kind;
    return kind == HttpFailure::Kind::kTimeout || kind == HttpFailure::Kind::kProtocol;
  }

  // All that follows of it is an end, once it does not fire any more.
  void RememberFiring(std::span<const OutgoingAlert> alerts) {
    for (const auto& alert : alerts) {
      if (alert.fires) memory_[alert.key] = alert.taken_memory;
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

  Answer Post(std::span<const OutgoingAlert> alerts) const {
    return http_.Post(url_, {{"Content-Type", "application/json"}}, AlertsJson(alerts),
                      settings_.timeout);
  }

  // If it does not, its refusals are about the way there (another program's port, a wrong path) and
  // say nothing of the alerts.
  bool TakesAnEmptyList(std::span<const OutgoingAlert> refused) {
    if (refused.empty()) return false;
    if (!takes_an_empty_list_) {
      const auto answer = Post({});
      const auto* reply = std::get_if<HttpReply>(&answer);
      takes_an_empty_list_ = reply != nullptr && IsTaken(*reply);
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

  // Each on its own; whatever becomes of one keeps nobody back, and it has its turn in an hour.
  void TryRefused(std::span<const OutgoingAlert> alerts) {
    for (const auto& alert : alerts) {
      if (stop_.stop_requested() || Clock::now() >= end_) return;
      const auto answer = Post({&alert, 1});
      const auto* reply = std::get_if<HttpReply>(&answer);
      const bool taken = reply != nullptr && IsTaken(*reply);
      memory_[alert.key] = taken ? alert.taken_memory : alert.refused_memory;
    }
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
    for (const auto* sent : {&alerts.outgoing, &alerts.due}) {
      for (const auto& alert : *sent) kept[alert.key] = memory_.at(alert.key);
    }
    kept.insert(sent_.begin(), sent_.end());
    memory_ = std::move(kept);
  }

  // Only what is busy or broken is worth asking again soon.
  void FailBy(const HttpReply& reply) {
    Fail(reply, outcome_);
    const bool retry = reply.status == 429 || reply.status / 100 == 5;
    if (!retry) outcome_.status = Status::kRejected;
  }

  // Constant after construction.
  const AlertmanagerSettings& settings_;
  HttpClient& http_;
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
    : settings_(std::move(settings)), http_(settings_.http) {}

DeliveryOutcome AlertmanagerReceiver::Deliver(const DeliveryBatch& batch,
                                              const std::stop_token& stop) {
  return AlertmanagerRound(settings_, http_, batch, stop, sent_).Run();
}

}  // namespace postern::exporters

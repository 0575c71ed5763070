#include "exporters/delivery.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/guarded.h"
#include "core/log.h"
#include "exporters/hidden_secrets.h"

namespace postern::exporters {
namespace {

// Of the rows that wait, the finding as people see its id.
std::map<std::int64_t, std::string> DisplayIds(const DeliveryBatch& batch) {
  std::map<std::int64_t, std::string> ids;
  for (const QueuedTransition& queued : batch.queue) {
    ids.emplace(queued.id, DisplayId(queued.transition));
  }
  return ids;
}

}  // namespace

bool DeliveryOutcome::TookSomething() const {
  return !taken.empty() || (resent && status == Status::kDelivered);
}

std::vector<std::int64_t> Undelivered(const DeliveryBatch& batch) {
  std::vector<std::int64_t> rows;
  for (const QueuedTransition& queued : batch.queue) {
    if (!queued.delivered) rows.push_back(queued.id);
  }
  return rows;
}

Duration Backoff(const DeliveryTiming& timing, int failures, double jitter) {
  Duration delay = timing.shortest_backoff;
  for (int i = 1; i < failures && delay < timing.longest_backoff; ++i) delay *= 2;
  delay = std::min(delay, timing.longest_backoff);
  return std::chrono::duration_cast<Duration>(delay * (1 - jitter / 2));
}

class Delivery::Impl {
 public:
  Impl(std::string name, std::unique_ptr<Receiver> receiver, DeliverySource source,
       Metrics& metrics, DeliveryTiming timing, std::unique_ptr<Delivery> former)
      : name_(std::move(name)),
        receiver_(std::move(receiver)),
        source_(std::move(source)),
        metrics_(metrics),
        timing_(timing),
        former_(std::move(former)),
        thread_([this](const std::stop_token& stop) { Run(stop); }) {}

  void Wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }

  void RequestStop() { thread_.request_stop(); }

 private:
  // How long to rest before the next attempt, and whether news end the rest.
  struct Rest {
    Duration time{};
    bool until_woken = false;
  };

  struct Done {
    DeliveryBatch batch;
    DeliveryOutcome outcome;
  };

  void Run(const std::stop_token& stop) {
    former_.reset();
    while (!stop.stop_requested()) {
      Rest rest;
      if (const auto made = Guarded([&] { rest = Attempt(stop); }); !made) {
        rest = Retry("internal", made.error().message);
      }
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, rest.time, [&] { return rest.until_woken && woken_; });
    }
  }

  Rest Attempt(const std::stop_token& stop) {
    {
      const std::lock_guard lock(mutex_);
      woken_ = false;  // before loading: what comes later is another attempt's
    }
    if (done_) {  // and could not be written down
      if (const auto kept = Keep(*done_); !kept) return Retry("storage", kept.error().message);
      done_.reset();
    }
    auto batch = source_.load();
    if (!batch) return Retry("storage", batch.error().message);
    done_.emplace(Done{*std::move(batch), {}});
    done_->outcome = Ask(done_->batch, stop);
    if (const auto kept = Keep(*done_); !kept) {
      return Retry("storage", kept.error().message, done_->outcome.retry_after);
    }
    return RestAfter(*std::exchange(done_, std::nullopt));
  }

  Rest RestAfter(const Done& done) {
    const auto& outcome = done.outcome;
    const auto waiting = Waiting(done);
    switch (outcome.status) {
      case DeliveryOutcome::Status::kDelivered:
        if (outcome.TookSomething() || waiting == 0) Recovered();
        return {waiting > 0 ? std::min(outcome.rest, timing_.resend) : timing_.resend, true};
      case DeliveryOutcome::Status::kRetry:
        if (outcome.until_news) return RetryOrNews(outcome);
        return Retry(outcome.reason, outcome.detail, outcome.retry_after);
      case DeliveryOutcome::Status::kRejected:
        Failed(outcome.reason, outcome.detail);
        failures_ = 0;
        return {timing_.resend, true};
    }
    return {timing_.resend, true};
  }

  DeliveryOutcome Ask(const DeliveryBatch& batch, const std::stop_token& stop) {
    auto outcome = receiver_->Deliver(batch, stop);
    outcome.detail = WithoutSecrets(std::move(outcome.detail));
    for (auto& refused : outcome.refused)
      refused.reason = WithoutSecrets(std::move(refused.reason));
    return outcome;
  }

  // How many rows are left.
  static std::size_t Waiting(const Done& done) {
    const auto& outcome = done.outcome;
    const auto refused_rows = static_cast<std::size_t>(std::ranges::count_if(
        outcome.refused, [](const RefusedRow& refused) { return refused.id != 0; }));
    return Undelivered(done.batch).size() - outcome.taken.size() - outcome.dropped.size() -
           refused_rows;
  }

  // Writes down what was done. Until that works nothing else is asked of the receiver: it would be
  // sent the same again.
  Result<void> Keep(const Done& done) {
    const auto& [batch, outcome] = done;
    if (IsWorthAWrite(done)) {
      auto acknowledged = source_.acknowledge(outcome, batch.now);
      if (!acknowledged) return acknowledged;
    }
    LogRefused(batch, outcome);
    LogTaken(batch, outcome);
    if (outcome.TookSomething()) metrics_.RecordDelivery(name_);
    return {};
  }

  // A re-send that changed nothing is not.
  static bool IsWorthAWrite(const Done& done) {
    const auto& [batch, outcome] = done;
    return !outcome.taken.empty() || !outcome.dropped.empty() || !outcome.refused.empty() ||
           (outcome.memory && *outcome.memory != batch.memory);
  }

  void LogRefused(const DeliveryBatch& batch, const DeliveryOutcome& outcome) {
    if (outcome.refused.empty()) return;
    const auto ids = DisplayIds(batch);
    std::size_t lines = 0;
    for (const auto& refused : outcome.refused) {
      metrics_.RecordDeliveryFailure(name_, "refused");
      if (++lines > kLongestLogSeries) continue;
      const auto row = ids.find(refused.id);
      Log(LogLevel::kError,
          row == ids.end() ? "a receiver refuses a finding; it is left out until it changes"
                           : "a receiver refuses a notification; it is a dead letter",
          {{"receiver", name_},
           {"id", row == ids.end() ? refused.finding : row->second},
           {"detail", refused.reason}});
    }
    LogTheRest(LogLevel::kError, "a receiver refuses more than these", lines);
  }

  void LogTaken(const DeliveryBatch& batch, const DeliveryOutcome& outcome) {
    const std::set<std::int64_t> taken(outcome.taken.begin(), outcome.taken.end());
    std::size_t lines = 0;
    for (const auto& queued : batch.queue) {
      if (!taken.contains(queued.id) || ++lines > kLongestLogSeries) continue;
      Log(LogLevel::kInfo, "notification delivered",
          {{"receiver", name_},
           {"id", DisplayId(queued.transition)},
           {"news", std::string(ToString(queued.transition.kind))}});
    }
    LogTheRest(LogLevel::kInfo, "more notifications delivered", lines);
  }

  void LogTheRest(LogLevel level, std::string_view message, std::size_t lines) {
    if (lines <= kLongestLogSeries) return;
    Log(level, message,
        {{"receiver", name_}, {"count", std::to_string(lines - kLongestLogSeries)}});
  }

  void Recovered() {
    metrics_.SetFailingSince(name_, std::nullopt);
    if (!failing_.empty())
      Log(LogLevel::kInfo, "receiver takes findings again", {{"receiver", name_}});
    failing_.clear();
    failures_ = 0;
  }

  Rest Retry(const std::string& reason, const std::string& detail, Duration asked = {}) {
    Failed(reason, detail);
    ++failures_;
    const double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
    return {
        std::max(Backoff(timing_, failures_, jitter), std::min(asked, timing_.longest_retry_after)),
        false};
  }

  Rest RetryOrNews(const DeliveryOutcome& outcome) {
    Failed(outcome.reason, outcome.detail);
    return {std::min(outcome.retry_after, timing_.longest_retry_after), true};
  }

  // Counts each failure; logs the first, and again when the reason changes.
  void Failed(const std::string& reason, const std::string& detail) {
    metrics_.RecordDeliveryFailure(name_, reason);
    if (failing_.empty()) metrics_.SetFailingSince(name_, SystemClock().Now());
    if (failing_ == reason) return;
    failing_ = reason;
    Log(LogLevel::kWarning, "cannot deliver findings; trying again until it works",
        {{"receiver", name_}, {"reason", reason}, {"detail", detail}});
  }

  // Constant after construction.
  const std::string name_;
  const std::unique_ptr<Receiver> receiver_;
  const DeliverySource source_;
  Metrics& metrics_;
  const DeliveryTiming timing_;

  // The delivery thread's own.
  std::unique_ptr<Delivery> former_;
  std::string failing_;       // the reason that was logged last; empty while it works
  int failures_ = 0;          // in a row, of those that back off
  std::optional<Done> done_;  // until it is written down
  std::minstd_rand random_{std::random_device()()};

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;  // guarded by mutex_

  std::jthread thread_;  // last: it uses all of the above
};

Delivery::Delivery(std::string name, std::unique_ptr<Receiver> receiver, DeliverySource source,
                   Metrics& metrics, DeliveryTiming timing, std::unique_ptr<Delivery> former) {
  if (former) former->RequestStop();
  impl_ = std::make_unique<Impl>(std::move(name), std::move(receiver), std::move(source), metrics,
                                 timing, std::move(former));
}

Delivery::~Delivery() = default;

void Delivery::Wake() { impl_->Wake(); }

void Delivery::RequestStop() { impl_->RequestStop(); }

}  // namespace postern::exporters

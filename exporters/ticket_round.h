// One delivery of the ticket receiver: takes the rows that wait, asks the tracker for what they
// need, and says what came of it. Used from one thread; what it is given must outlive it.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "exporters/receiver.h"
#include "exporters/ticket_memory.h"
#include "exporters/ticket_receiver.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

class TicketRound {
 public:
  using SteadyClock = std::chrono::steady_clock;

  TicketRound(const TicketSettings& settings, TicketSystem& system, const DeliveryBatch& batch,
              std::set<std::string>& intended, SteadyClock::time_point& next_write);

  DeliveryOutcome Go();

 private:
  enum class Step : std::uint8_t {
    kTaken,
    kRefused,  // failure_ says why
    kLater,    // with failure_ set: nothing more goes now
    kSummed,   // to be told of by the ticket that sums up
  };
  // What became of the intent of a ticket.
  enum class Fate : std::uint8_t {
    kMayPost,  // it is fresh, and no request went out
    kUnsent,   // it is not fresh, and no request went out
    kUnknown,  // one may have gone out, long enough ago
    kLater,    // the same, and not long enough ago
  };

  Step Handle(const Transition& transition);
  void Note(const QueuedTransition& queued, Step step);
  void Report();

  // A finding with a ticket.
  Step Return(const Finding& finding, TicketRecord record);
  Step Change(const Finding& finding, const TicketRecord& record);
  Step Close(const Finding& finding, TicketRecord record);
  bool CloseOpen(const std::string& key, const std::string& why);

  // One without.
  Step Open(const Finding& finding, const std::optional<TicketRecord>& record);
  Step Settle(const Finding& finding, const TicketRecord& record);
  Step OpenAnew(const Finding& finding);
  Step Post(const Finding& finding, TicketRecord record);

  // Those that have none of their own.
  void SumUpRows();
  void OpenSum(std::optional<TicketRecord> sum);
  void PostSum(TicketRecord sum);
  void AddToSum(const TicketRecord& sum);
  void TakeSummed(const std::string& key, std::size_t count);
  Step Leave(const Finding& finding, const TicketRecord& record);

  // Intents and what became of them.
  Fate FateOf(const std::string& id, const TicketRecord& record);
  void Intend(const std::string& id, const std::string& repository, int episode);
  void Drop(const std::string& id);
  void NotMade(const std::string& id, TicketRecord record);
  const std::vector<Ticket>* ListOf(const std::string& repository);

  // Requests. None, or false: failure_ says why.
  template <typename T>
  std::optional<T> Accept(TicketResult<T> result) {
    if (const auto* failure = std::get_if<TicketFailure>(&result)) {
      failure_ = *failure;
      return std::nullopt;
    }
    return std::get<T>(std::move(result));
  }
  template <typename Request>
  auto Write(Request request) {
    std::this_thread::sleep_until(next_write_);
    auto result = Accept(request());
    next_write_ = SteadyClock::now() + settings_.spacing;
    return result;
  }
  bool Say(const std::string& key, const std::string& text);
  bool SetOpen(const std::string& key, bool open);
  bool IsGone() const { return failure_ && failure_->kind == TicketFailure::Kind::kGone; }
  Step Failed() const;

  TimePoint Now() const;
  const TicketRoute& RouteOf(const Finding& finding) const;
  std::string LinkTo(const Finding& finding) const;

  const TicketSettings& settings_;
  TicketSystem& system_;
  const DeliveryBatch& batch_;
  std::set<std::string>& intended_;
  SteadyClock::time_point& next_write_;
  const SteadyClock::time_point started_ = SteadyClock::now();

  TicketMemory memory_;
  std::map<std::string_view, const Finding*> findings_;
  std::map<std::string, std::vector<Ticket>> lists_;  // by repository
  std::set<std::string_view> blocked_;  // findings whose later rows wait for an earlier one
  std::vector<std::int64_t> summed_rows_;
  std::vector<const Finding*> summed_;  // of the same indices
  std::optional<TicketFailure> failure_;
  std::optional<Duration> wait_;  // nothing before it is over, but what else is new
  bool has_intended_ = false;     // the next call goes on at once
  DeliveryOutcome outcome_;
};

}  // namespace postern::exporters

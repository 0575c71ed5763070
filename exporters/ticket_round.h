// One delivery of the ticket receiver: takes the rows that wait, asks the tracker for what they
// need, and says what came of it. Used from one thread; what it is given must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporters/receiver.h"
#include "exporters/ticket_calls.h"
#include "exporters/ticket_group.h"
#include "exporters/ticket_intents.h"
#include "exporters/ticket_memory.h"
#include "exporters/ticket_receiver.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

// One delivery begins nothing more after that; what is left has its turn in the next.
inline constexpr auto kLongestRound = std::chrono::seconds(10);
// What is asked by then has to be answered by this time.
inline constexpr auto kRoundEnds = std::chrono::seconds(20);

class TicketRound {
 public:
  // `intended` and `next_write` are the receiver's and go from one delivery to the next.
  TicketRound(const TicketSettings& settings, TicketSystem& system, const TicketTime& time,
              const DeliveryBatch& batch, const std::stop_token& stop,
              std::set<std::string>& intended, SteadyTime& next_write);

  DeliveryOutcome Go();

 private:
  using Step = TicketStep;

  // Rows whose findings share a ticket, and what each tells.
  struct Shared {
    void Add(std::int64_t row, const TicketNews& told);

    std::vector<std::int64_t> rows;
    std::vector<TicketNews> news;
  };

  TimePoint OldestNews() const;
  bool TakesNoRequest(const std::string& id) const;
  Step Handle(const QueuedTransition& queued);
  Step GiveUp(const std::string& id);
  void Note(const QueuedTransition& queued, Step step);
  // What opened and has no ticket of its own.
  void Share(std::int64_t row, const Finding& finding);
  void TellOfShared();
  // What came of the first rows of `shared`.
  void NoteTold(const Shared& shared, const GroupTickets::Told& told);
  void Report();
  bool GoesOn() const;
  void Retry(const TicketFailure& failure);

  // A finding with a ticket.
  bool Lasts(const TicketRecord& record, const Transition& transition) const;
  Step Return(const Finding& finding, TicketRecord record);
  Step Change(const Finding& finding, const TicketRecord& record);
  Step Close(const Finding& finding, TicketRecord record);

  // One without.
  Step Open(const Finding& finding, const std::optional<TicketRecord>& record);
  std::optional<Step> Settle(const std::string& id, const TicketRecord& record);
  Step OpenAnew(const Finding& finding);
  Step Post(const Finding& finding, const TicketRecord& record);

  Step Failed() const { return StepOf(*calls_.failure()); }
  // No further request, whatever it is for.
  bool MustEnd() const;
  bool MayGoOn() const;
  bool MayTellMore();

  const TicketSettings& settings_;
  const DeliveryBatch& batch_;
  const std::stop_token& stop_;
  const Clock& clock_;
  const SteadyTime started_;

  TicketMemory memory_;
  TicketCalls calls_;
  TicketIntents intents_;
  GroupTickets groups_;

  std::map<std::string_view, const Finding*> findings_;
  std::set<std::string_view> blocked_;  // findings whose later rows wait for an earlier one
  std::map<std::string, std::pair<TicketGroup, Shared>> hosts_;  // what opened, by the group's id
  Shared sum_;                          // what opened, beyond kTicketsPerHour
  std::map<std::string, Shared> news_;  // of what is told of already, by the ticket's key
  std::size_t shared_ = 0;              // rows that belong into those
  bool told_ = false;                   // whether any of those was asked for
  DeliveryOutcome outcome_;
};

}  // namespace postern::exporters

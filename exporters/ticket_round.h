// One delivery of the ticket receiver: takes the rows that wait, asks the tracker for what they
// need, and says what came of it. Used from one thread; what it is given must outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/receiver.h"
#include "exporters/ticket_calls.h"
#include "exporters/ticket_group.h"
#include "exporters/ticket_intents.h"
#include "exporters/ticket_memory.h"
#include "exporters/ticket_receiver.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

class TicketRound {
 public:
  // `intended` and `next_write` are the receiver's and go from one delivery to the next.
  TicketRound(const TicketSettings& settings, TicketSystem& system, const TicketTime& time,
              const DeliveryBatch& batch, std::set<std::string>& intended, SteadyTime& next_write);

  DeliveryOutcome Go();

 private:
  enum class Step : std::uint8_t {
    kTaken,
    kRefused,  // the failure of the call says why
    kLater,    // with a failure: nothing more goes now
    kSummed,   // to be told of by the ticket that sums up
  };

  Step Handle(const Transition& transition);
  void Note(const QueuedTransition& queued, Step step);
  void SumUpRows();
  void Report();

  // A finding with a ticket.
  Step Return(const Finding& finding, TicketRecord record);
  Step Change(const Finding& finding, const TicketRecord& record);
  Step Close(const Finding& finding, TicketRecord record);

  // One without.
  Step Open(const Finding& finding, const std::optional<TicketRecord>& record);
  Step Settle(const Finding& finding, const TicketRecord& record);
  Step OpenAnew(const Finding& finding);
  Step Post(const Finding& finding, const TicketRecord& record);

  // What a call that failed makes of its row.
  Step Failed() const;
  bool OutOfTime() const;
  const TicketRoute& RouteOf(const Finding& finding) const;

  const TicketSettings& settings_;
  const DeliveryBatch& batch_;
  const Clock& clock_;
  const SteadyTime started_;

  TicketMemory memory_;
  TicketCalls calls_;
  TicketIntents intents_;
  const TicketGroup sum_;
  GroupTicket sum_ticket_;

  std::map<std::string_view, const Finding*> findings_;
  std::set<std::string_view> blocked_;  // findings whose later rows wait for an earlier one
  std::vector<std::int64_t> summed_rows_;
  std::vector<const Finding*> summed_;  // of the same indices
  DeliveryOutcome outcome_;
};

}  // namespace postern::exporters

#include "exporters/ticket_receiver.h"

#include "exporters/ticket_round.h"

namespace postern::exporters {

DeliveryOutcome TicketReceiver::Deliver(const DeliveryBatch& batch, const std::stop_token& stop) {
  if (Undelivered(batch).empty()) return {};
  const auto system = make_system_(time_.clock.Monotonic() + kRoundEnds);
  if (!system) {
    DeliveryOutcome outcome;
    outcome.status = DeliveryOutcome::Status::kRetry;
    outcome.reason = "secret";
    outcome.detail = system.error().message;
    return outcome;
  }
  return TicketRound(settings_, **system, time_, batch, stop, intended_, next_write_).Go();
}

}  // namespace postern::exporters

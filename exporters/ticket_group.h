// Tickets that tell of several findings, which have none of their own: of a host and owner, or of
// all that is beyond kTicketsPerHour. Each is made with the first of them, commented with what
// opens, changes and ends, closed when the last has ended, and opened again when more opens within
// TicketSettings::reopen_within. Used from one thread; what it is given must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/finding.h"
#include "exporters/ticket_calls.h"
#include "exporters/ticket_intents.h"
#include "exporters/ticket_memory.h"
#include "exporters/ticket_receiver.h"
#include "exporters/ticket_text.h"

namespace postern::exporters {

// What came of a row of the queue.
enum class TicketStep : std::uint8_t {
  kTaken,
  kDropped,  // it is not for this receiver
  kRefused,  // the failure of the call says why
  kLater,    // nothing yet
  kShared,   // it belongs into a ticket with others
};

// What a call's failure makes of the row that it was for.
TicketStep StepOf(const TicketFailure& failure);
// Where the tickets of the finding's owner go.
const TicketRoute& RouteOf(const Finding& finding, const TicketSettings& settings);

struct TicketGroup {
  std::string id;      // in memory, where no finding's is the same
  std::string marker;  // what its tickets' markers begin with: "postern-sum-abcdefghij-"
  std::string title;
  // The text that it begins with, around the block that lists the findings.
  std::function<std::string(const std::string& findings)> body;
  TicketRoute route;
};

// Of what opens beyond kTicketsPerHour.
TicketGroup SumOf(const TicketSettings& settings);
// Of the finding's host and owner; both must outlive it.
TicketGroup HostGroupOf(const Finding& finding, const TicketSettings& settings);

// The groups' tickets within one delivery.
class GroupTickets {
 public:
  // What came of the first `count` of the news that were given; the others have their turn in the
  // next delivery.
  struct Told {
    TicketStep step = TicketStep::kTaken;
    std::size_t count = 0;
  };

  GroupTickets(const TicketSettings& settings, TicketCalls& calls, TicketIntents& intents,
               TicketMemory& memory)
      : markup_(settings.style.markup), calls_(calls), intents_(intents), memory_(memory) {}

  // These opened, and some may be over by now. kShared: a ticket for the group would be one too
  // many in this hour.
  Told Open(const TicketGroup& group, std::span<const TicketNews> opened);
  // News of findings that the ticket `key` tells of; what has ended leaves it.
  Told Tell(const std::string& key, std::span<const TicketNews> news);
  // How long what opened has to wait for another ticket that sums up.
  Duration rest() const { return rest_; }

 private:
  // Those of the given news that are to be told, as many as fit into one text.
  struct Batch {
    std::vector<const Finding*> findings;
    std::string text;           // lists them
    std::size_t looked_at = 0;  // so many, from the first on, for these
  };
  using Filter = std::function<bool(const TicketNews& news)>;

  Batch Those(std::span<const TicketNews> news, const Filter& are_told) const;
  // Looks for the ticket of an intent of which nobody knows what became. Whether that is settled:
  // an intent that is left then is one that may be acted on.
  bool SettleIntent(const TicketGroup& group);
  // All that the group's record, or its intent, was to tell of is over.
  TicketStep EndIfEmpty(const TicketGroup& group, TicketRecord record);
  // The batch goes into a ticket: one that is there and wanted is extended, a new one is first
  // intended and then made.
  TicketStep Add(const TicketGroup& group, const TicketRecord& record, const Batch& batch);
  TicketStep Extend(const TicketGroup& group, TicketRecord record, const Ticket& ticket,
                    const Batch& batch);
  bool MayMake(const TicketGroup& group);
  TicketStep Intend(const TicketGroup& group, const Batch& batch);
  TicketStep Make(const TicketGroup& group, const TicketRecord& record, const Batch& batch);
  void KeepWithin(const TicketGroup& group, const std::string& key, const Batch& batch);
  bool IsSaid(const TicketNews& news) const;
  // The ticket tells of these ends by now; their rows wait until it is closed, too.
  void KeepSaid(std::span<const TicketNews> news);
  TicketStep Failed() const { return StepOf(*calls_.failure()); }

  const TicketMarkup markup_;
  TicketCalls& calls_;
  TicketIntents& intents_;
  TicketMemory& memory_;
  Duration rest_{};
};

}  // namespace postern::exporters

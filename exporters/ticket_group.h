// A ticket that tells of several findings, which have none of their own. It is made with the first
// of them, commented with later ones, and closed when the last has ended. Used from one thread;
// what it is given must outlive it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "core/finding.h"
#include "exporters/ticket_calls.h"
#include "exporters/ticket_intents.h"
#include "exporters/ticket_memory.h"
#include "exporters/ticket_receiver.h"
#include "exporters/ticket_text.h"

namespace postern::exporters {

struct TicketGroup {
  std::string id;  // in memory
  std::string title;
  std::string introduction;  // before the list of findings
  TicketRoute route;
  TicketMarkup markup = TicketMarkup::kMarkdown;
};

// Of what opens beyond kTicketsPerHour.
TicketGroup SumOf(const TicketSettings& settings);

// A group's ticket within one delivery.
class GroupTicket {
 public:
  GroupTicket(const TicketGroup& group, TicketCalls& calls, TicketIntents& intents,
              TicketMemory& memory)
      : group_(group), calls_(calls), intents_(intents), memory_(memory) {}

  // Tells of `findings`, not empty, from the first on. Of how many: of none while the ticket is
  // only intended, and when a call failed.
  std::size_t Tell(std::span<const Finding* const> findings);
  // A finding has ended, and memory holds its record yet. Whether that is settled.
  bool Leave(const std::string& finding_id, const std::string& key);

 private:
  std::size_t TellAnew(const std::optional<TicketRecord>& record,
                       std::span<const Finding* const> findings);
  std::size_t Make(const TicketRecord& record, std::span<const Finding* const> findings);
  std::size_t Add(const std::string& key, std::span<const Finding* const> findings);
  void KeepTold(const std::string& key, std::span<const Finding* const> findings);

  const TicketGroup& group_;
  TicketCalls& calls_;
  TicketIntents& intents_;
  TicketMemory& memory_;
};

}  // namespace postern::exporters

#include "exporters/listed_tickets.h"

#include "exporters/ticket_text.h"

namespace postern::exporters {

ListedTickets::ListedTickets(const std::vector<Ticket>& tickets) {
  for (const auto& ticket : tickets) {
    const auto marker = MarkerIn(ticket.text);
    if (marker.empty()) continue;
    tickets_.emplace(marker, Ticket{.key = ticket.key, .open = ticket.open, .text = ""});
  }
}

const Ticket* ListedTickets::Find(const std::string& marker) const {
  const auto at = tickets_.find(marker);
  return at == tickets_.end() ? nullptr : &at->second;
}

const Ticket* ListedTickets::FindOpen(const std::string& begin) const {
  for (auto at = tickets_.lower_bound(begin); at != tickets_.end() && at->first.starts_with(begin);
       ++at) {
    if (at->second.open) return &at->second;
  }
  return nullptr;
}

}  // namespace postern::exporters

// The tickets of a repository by their markers. Immutable.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exporters/ticket_system.h"

namespace postern::exporters {

class ListedTickets {
 public:
  // Those without a marker are left out. `tickets`: the newest first; of two with one marker it
  // counts.
  explicit ListedTickets(const std::vector<Ticket>& tickets);

  // With this marker; nullptr: there is none.
  const Ticket* Find(const std::string& marker) const;
  // An open one whose marker begins so; nullptr: there is none.
  const Ticket* FindOpen(const std::string& begin) const;

 private:
  std::map<std::string, Ticket> tickets_;  // without their texts
};

}  // namespace postern::exporters

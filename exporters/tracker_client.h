// What the trackers of tickets have in common: JSON over HTTP, a token in a header, tickets that
// are numbered within a repository, and what their statuses mean. Used from one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/http_client.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

// `text` as one part of a path (RFC 3986, section 2.3: all but unreserved characters as %XX).
std::string PathPart(std::string_view text);

// What a tracker calls the parts of a ticket.
struct TicketNames {
  std::string_view number;
  std::string_view text;
  std::string_view open;  // the word under "state" of a ticket that is open
};

class TrackerClient {
 public:
  // The path under which a repository's tickets are.
  using TicketsOf = std::string (*)(const std::string& repository);

  // `url`: where paths begin. `headers`: of every request, the token among them.
  TrackerClient(std::string url, HttpHeaders headers, TicketsOf tickets_of, TicketNames names);

  // What `query` filters, page by page up to ten of a hundred. Entries that are no tickets of that
  // form are left out.
  TicketResult<std::vector<Ticket>> List(const std::string& repository,
                                         const std::string& query) const;
  // `body`: JSON.
  TicketResult<Ticket> Create(const std::string& repository, const std::string& body) const;
  TicketResult<Ticket> Get(const std::string& key) const;
  // To the path of the ticket with `below` behind it.
  TicketResult<Done> Write(const std::string& method, const std::string& key,
                           const std::string& below, const std::string& body) const;

 private:
  // What a request is about: a ticket that is not there is gone for good, while a repository that
  // is not there is for the operator to put right.
  enum class About : std::uint8_t { kRepository, kTicket };

  TicketResult<std::string> Request(About about, const std::string& method, const std::string& path,
                                    const std::string& body) const;

  const std::string url_;
  const HttpHeaders headers_;
  const TicketsOf tickets_of_;
  const TicketNames names_;
};

}  // namespace postern::exporters

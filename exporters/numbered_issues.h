// Issues that are numbered within a repository, as GitHub and GitLab have them. Used from one
// thread.
#pragma once

#include <string>
#include <vector>

#include "exporters/ticket_system.h"
#include "exporters/tracker_client.h"
#include "exporters/tracker_reply.h"

namespace postern::exporters {

class NumberedIssues {
 public:
  // The path under which a repository's issues are.
  using IssuesOf = std::string (*)(const std::string& repository);

  NumberedIssues(TrackerClient client, IssuesOf issues_of, TicketNames names);

  // What `query` filters.
  TicketResult<std::vector<Ticket>> List(const std::string& repository,
                                         const std::string& query) const;
  // `body`: JSON.
  TicketResult<Ticket> Create(const std::string& repository, const std::string& body) const;
  TicketResult<Ticket> Get(const std::string& key) const;
  // To the path of the issue with `below` behind it.
  TicketResult<Done> Write(const std::string& method, const std::string& key,
                           const std::string& below, const std::string& body) const;

 private:
  const TrackerClient client_;
  const IssuesOf issues_of_;
  const TicketNames names_;
};

}  // namespace postern::exporters

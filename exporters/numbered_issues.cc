#include "exporters/numbered_issues.h"

#include <string_view>
#include <utility>

#include "core/log.h"

namespace postern::exporters {
namespace {

using About = TrackerClient::About;

// Without a word trackers drop labels that a token may not set.
void LogUnlabelled(const std::string& key) {
  Log(LogLevel::kError,
      "a ticket was made without its label and could not be found again; let the token set labels",
      {{"ticket", key}, {"label", std::string(kTicketLabel)}});
}

}  // namespace

NumberedIssues::NumberedIssues(TrackerClient client, IssuesOf issues_of, TicketNames names)
    : client_(std::move(client)), issues_of_(issues_of), names_(names) {}

TicketResult<std::vector<Ticket>> NumberedIssues::List(const std::string& repository,
                                                       const std::string& query) const {
  const auto size = std::to_string(kTicketsOfPage);
  const auto path = issues_of_(repository) + "?" + query + "&per_page=" + size + "&page=";
  return client_.List(
      [&](std::size_t seen, const std::string&) {
        return path + std::to_string(seen / kTicketsOfPage + 1);
      },
      [&](std::string_view reply) { return ParseIssues(reply, repository, names_); });
}

TicketResult<Ticket> NumberedIssues::Create(const std::string& repository,
                                            const std::string& body) const {
  return Understand(client_.Write(About::kProject, "POST", issues_of_(repository), body),
                    "a ticket", true, [&](std::string_view reply) {
                      auto ticket = ParseIssue(reply, repository, names_);
                      if (ticket && !HasLabel(reply, kTicketLabel)) LogUnlabelled(ticket->key);
                      return ticket;
                    });
}

TicketResult<Ticket> NumberedIssues::Get(const std::string& key) const {
  const auto parsed = ParseTicketKey(key);
  if (!parsed) return NotOurs(key);
  const auto path = issues_of_(parsed->repository) + "/" + std::to_string(parsed->number);
  return Understand(
      client_.Read(About::kTicket, path), "a ticket", false,
      [&](std::string_view reply) { return ParseIssue(reply, parsed->repository, names_); });
}

TicketResult<Done> NumberedIssues::Write(const std::string& method, const std::string& key,
                                         const std::string& below, const std::string& body) const {
  const auto parsed = ParseTicketKey(key);
  if (!parsed) return NotOurs(key);
  const auto path = issues_of_(parsed->repository) + "/" + std::to_string(parsed->number) + below;
  return DoneBy(client_.Write(About::kTicket, method, path, body));
}

}  // namespace postern::exporters

#include <boost/json.hpp>
#include <utility>

#include "core/parse_number.h"
#include "exporters/numbered_issues.h"
#include "exporters/ticket_systems.h"
#include "exporters/tracker_client.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;

// GROUP/NAME is one part of the path, its slash escaped.
std::string IssuesOf(const std::string& repository) {
  return "/api/v4/projects/" + PathPart(repository) + "/issues";
}

class GitlabIssues : public TicketSystem {
 public:
  explicit GitlabIssues(NumberedIssues issues) : issues_(std::move(issues)) {}

  TicketResult<std::vector<Ticket>> List(const std::string& repository) override {
    return issues_.List(repository,
                        "labels=postern&state=all&scope=all&order_by=created_at&sort=desc");
  }
  TicketResult<Ticket> Get(const std::string& key) override { return issues_.Get(key); }
  TicketResult<Ticket> Create(const NewTicket& ticket) override {
    json::object body{
        {"title", ticket.title}, {"description", ticket.body}, {"labels", kTicketLabel}};
    if (const auto id = ParseDecimal(ticket.assignee, 1, INT64_MAX)) {
      body["assignee_ids"] = json::array{*id};
    }
    return issues_.Create(ticket.repository, json::serialize(body));
  }
  TicketResult<Done> Comment(const std::string& key, const std::string& text) override {
    return issues_.Write("POST", key, "/notes", json::serialize(json::object{{"body", text}}));
  }
  TicketResult<Done> SetOpen(const std::string& key, bool open) override {
    const json::object body{{"state_event", open ? "reopen" : "close"}};
    return issues_.Write("PUT", key, "", json::serialize(body));
  }

 private:
  const NumberedIssues issues_;
};

}  // namespace

std::unique_ptr<TicketSystem> MakeGitlabIssues(const TrackerAccess& access) {
  return std::make_unique<GitlabIssues>(
      NumberedIssues(TrackerClient(access, {{"PRIVATE-TOKEN", access.token}}), IssuesOf,
                     {"iid", "description", "opened"}));
}

}  // namespace postern::exporters

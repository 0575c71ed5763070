#include <boost/json.hpp>
#include <utility>

#include "exporters/numbered_issues.h"
#include "exporters/ticket_systems.h"
#include "exporters/tracker_client.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;

std::string IssuesOf(const std::string& repository) {
  const auto slash = repository.find('/');
  const auto name = slash == std::string::npos ? "" : repository.substr(slash + 1);
  return "/repos/" + PathPart(repository.substr(0, slash)) + "/" + PathPart(name) + "/issues";
}

class GithubIssues : public TicketSystem {
 public:
  explicit GithubIssues(NumberedIssues issues) : issues_(std::move(issues)) {}

  TicketResult<std::vector<Ticket>> List(const std::string& repository) override {
    return issues_.List(repository, "labels=postern&state=all&sort=created&direction=desc");
  }
  TicketResult<Ticket> Get(const std::string& key) override { return issues_.Get(key); }
  TicketResult<Ticket> Create(const NewTicket& ticket) override {
    json::object body{
        {"title", ticket.title}, {"body", ticket.body}, {"labels", json::array{kTicketLabel}}};
    if (!ticket.assignee.empty()) body["assignees"] = json::array{json::string(ticket.assignee)};
    return issues_.Create(ticket.repository, json::serialize(body));
  }
  TicketResult<Done> Comment(const std::string& key, const std::string& text) override {
    return issues_.Write("POST", key, "/comments", json::serialize(json::object{{"body", text}}));
  }
  TicketResult<Done> SetOpen(const std::string& key, bool open) override {
    const json::object body{{"state", open ? "open" : "closed"}};
    return issues_.Write("PATCH", key, "", json::serialize(body));
  }

 private:
  const NumberedIssues issues_;
};

}  // namespace

std::unique_ptr<TicketSystem> MakeGithubIssues(const TrackerAccess& access) {
  HttpHeaders headers = {{"Authorization", "Bearer " + access.token},
                         {"Accept", "application/vnd.github+json"},
                         {"X-GitHub-Api-Version", "2022-11-28"}};
  return std::make_unique<GithubIssues>(NumberedIssues(TrackerClient(access, std::move(headers)),
                                                       IssuesOf, {"number", "body", "open"}));
}

}  // namespace postern::exporters

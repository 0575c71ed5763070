#include <boost/json.hpp>
#include <utility>

#include "core/digest.h"
#include "exporters/ticket_systems.h"
#include "exporters/tracker_client.h"
#include "exporters/tracker_reply.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using About = TrackerClient::About;

// Every project template of Jira has this type but those of service desks.
constexpr std::string_view kIssueType = "Task";

// The cloud has user names for its tokens; a data centre's personal access tokens have none, and no
// colon.
bool IsOfCloud(std::string_view token) { return token.find(':') != std::string_view::npos; }

std::string PathOf(const std::string& key) { return "/rest/api/2/issue/" + key; }

class JiraIssues : public TicketSystem {
 public:
  JiraIssues(TrackerClient client, bool cloud) : client_(std::move(client)), cloud_(cloud) {}

  TicketResult<std::vector<Ticket>> List(const std::string& project) override {
    const auto query =
        "jql=" +
        PathPart("project = \"" + project + "\" AND labels = " + std::string(kTicketLabel) +
                 " ORDER BY created DESC") +
        "&fields=status,description&maxResults=" + std::to_string(kTicketsOfPage);
    return client_.List(
        [&](std::size_t seen, const std::string& next) {
          // The cloud has no /search any more, and tells with each page how to ask for the next.
          if (!cloud_) return "/rest/api/2/search?" + query + "&startAt=" + std::to_string(seen);
          const auto path = "/rest/api/2/search/jql?" + query;
          return next.empty() ? path : path + "&nextPageToken=" + PathPart(next);
        },
        ParseJiraIssues, cloud_ ? TrackerClient::Pages::kLinked : TrackerClient::Pages::kCounted);
  }

  TicketResult<Ticket> Get(const std::string& key) override {
    if (!IsJiraKey(key)) return NotOurs(key);
    return Understand(client_.Read(About::kTicket, PathOf(key) + "?fields=status,description"),
                      "a ticket", false, ParseJiraIssue);
  }

  TicketResult<Ticket> Create(const NewTicket& ticket) override {
    json::object fields{{"project", {{"key", ticket.repository}}},
                        {"issuetype", {{"name", kIssueType}}},
                        {"summary", ticket.title},
                        {"description", ticket.body},
                        {"labels", json::array{kTicketLabel}}};
    if (!ticket.assignee.empty()) {
      fields["assignee"] = {{cloud_ ? "accountId" : "name", ticket.assignee}};
    }
    if (!ticket.component.empty()) {
      fields["components"] = json::array{json::object{{"name", ticket.component}}};
    }
    const auto body = json::serialize(json::object{{"fields", std::move(fields)}});
    const auto answer =
        Understand(client_.Write(About::kProject, "POST", "/rest/api/2/issue", body), "a ticket",
                   true, ParseJiraKey);
    if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
    return Ticket{.key = std::get<std::string>(answer), .open = true, .text = ""};
  }

  TicketResult<Done> Comment(const std::string& key, const std::string& text) override {
    return Post(key, "/comment", {{"body", text}});
  }

  // A ticket's status changes only by a transition of its workflow, each project's own.
  TicketResult<Done> SetOpen(const std::string& key, bool open) override {
    if (!IsJiraKey(key)) return NotOurs(key);
    const auto answer = Understand(client_.Read(About::kTicket, PathOf(key) + "/transitions"),
                                   "a list of transitions", false, ParseJiraTransitions);
    if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
    const auto* choice = ChoiceFor(std::get<std::vector<StatusChoice>>(answer), open);
    if (choice == nullptr) {
      return Impossible("Jira's workflow offers this user no transition that " +
                        std::string(open ? "opens " : "closes ") + key);
    }
    return Post(key, "/transitions", {{"transition", {{"id", choice->id}}}});
  }

 private:
  TicketResult<Done> Post(const std::string& key, const std::string& below,
                          const json::object& body) {
    if (!IsJiraKey(key)) return NotOurs(key);
    return DoneBy(
        client_.Write(About::kTicket, "POST", PathOf(key) + below, json::serialize(body)));
  }

  const TrackerClient client_;
  const bool cloud_;
};

}  // namespace

std::unique_ptr<TicketSystem> MakeJiraIssues(const TrackerAccess& access) {
  const bool cloud = IsOfCloud(access.token);
  const auto authorization =
      cloud ? "Basic " + EncodeBase64(access.token) : "Bearer " + access.token;
  HttpHeaders headers = {{"Authorization", authorization}, {"Accept", "application/json"}};
  return std::make_unique<JiraIssues>(TrackerClient(access, std::move(headers)), cloud);
}

}  // namespace postern::exporters

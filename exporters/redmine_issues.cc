#include <boost/json.hpp>
#include <utility>

#include "core/parse_number.h"
#include "exporters/ticket_systems.h"
#include "exporters/tracker_client.h"
#include "exporters/tracker_reply.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using About = TrackerClient::About;

std::string PathOf(const TicketKey& key) {
  return "/issues/" + std::to_string(key.number) + ".json";
}

std::string IssueOf(json::object fields) {
  return json::serialize(json::object{{"issue", std::move(fields)}});
}

class RedmineIssues : public TicketSystem {
 public:
  explicit RedmineIssues(TrackerClient client) : client_(std::move(client)) {}

  // Redmine has no labels: what every marker begins with is looked for in the descriptions, in the
  // database itself.
  TicketResult<std::vector<Ticket>> List(const std::string& project) override {
    const auto path = "/issues.json?project_id=" + PathPart(project) +
                      "&status_id=*&description=~postern-&sort=created_on:desc&limit=" +
                      std::to_string(kTicketsOfPage) + "&offset=";
    return client_.List(
        [&](std::size_t seen, const std::string&) { return path + std::to_string(seen); },
        [&](std::string_view reply) { return ParseRedmineIssues(reply, project); });
  }

  TicketResult<Ticket> Get(const std::string& key) override {
    const auto parsed = ParseTicketKey(key);
    if (!parsed) return NotOurs(key);
    return Understand(
        client_.Read(About::kTicket, PathOf(*parsed)), "a ticket", false,
        [&](std::string_view reply) { return ParseRedmineIssue(reply, parsed->repository); });
  }

  TicketResult<Ticket> Create(const NewTicket& ticket) override {
    json::object fields{
        {"project_id", ticket.repository}, {"subject", ticket.title}, {"description", ticket.body}};
    if (const auto id = ParseDecimal(ticket.assignee, 1, INT64_MAX)) fields["assigned_to_id"] = *id;
    if (!ticket.component.empty()) {
      const auto category = CategoryOf(ticket);
      if (const auto* failure = std::get_if<TicketFailure>(&category)) return *failure;
      fields["category_id"] = std::get<std::int64_t>(category);
    }
    return Understand(
        client_.Write(About::kProject, "POST", "/issues.json", IssueOf(std::move(fields))),
        "a ticket", true,
        [&](std::string_view reply) { return ParseRedmineIssue(reply, ticket.repository); });
  }

  TicketResult<Done> Comment(const std::string& key, const std::string& text) override {
    return Update(key, {{"notes", text}});
  }

  // Redmine answers 204 and does nothing where the workflow does not lead there, hence the look at
  // what it allows.
  TicketResult<Done> SetOpen(const std::string& key, bool open) override {
    const auto parsed = ParseTicketKey(key);
    if (!parsed) return NotOurs(key);
    const auto answer =
        Understand(client_.Read(About::kTicket, PathOf(*parsed) + "?include=allowed_statuses"),
                   "a ticket with the statuses that it can have (Redmine 5.0 tells them)", false,
                   ParseRedmineStatuses);
    if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
    const auto* choice = ChoiceFor(std::get<std::vector<StatusChoice>>(answer), open);
    if (choice == nullptr) {
      return Impossible(std::string("Redmine's workflow lets this user ") +
                        (open ? "reopen" : "close") + " no ticket of this tracker");
    }
    return Update(key, {{"status_id", *ParseDecimal(choice->id, 1, INT64_MAX)}});
  }

 private:
  TicketResult<Done> Update(const std::string& key, json::object fields) {
    const auto parsed = ParseTicketKey(key);
    if (!parsed) return NotOurs(key);
    return DoneBy(
        client_.Write(About::kTicket, "PUT", PathOf(*parsed), IssueOf(std::move(fields))));
  }

  TicketResult<std::int64_t> CategoryOf(const NewTicket& ticket) {
    const auto answer =
        Understand(client_.Read(About::kProject, "/projects/" + PathPart(ticket.repository) +
                                                     "/issue_categories.json"),
                   "a list of categories", false, ParseRedmineCategories);
    if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
    const auto& ids = std::get<0>(answer);
    const auto at = ids.find(ticket.component);
    if (at != ids.end()) return at->second;
    return Impossible("project '" + ticket.repository + "' has no category '" + ticket.component +
                      "'");
  }

  const TrackerClient client_;
};

}  // namespace

std::unique_ptr<TicketSystem> MakeRedmineIssues(const TrackerAccess& access) {
  return std::make_unique<RedmineIssues>(
      TrackerClient(access, {{"X-Redmine-API-Key", access.token}}));
}

}  // namespace postern::exporters

// What trackers answer. Pure functions of bytes that nobody vouches for: entries of another form
// are left out of a list, and an answer that is not of the form asked for is nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/ticket_system.h"

namespace postern::exporters {

struct TicketPage {
  std::vector<Ticket> tickets;
  std::size_t entries = 0;  // tickets or not
  std::string next;         // what asks for the page behind it; only Jira's cloud says
};

// A way that a ticket can be led to another status.
struct StatusChoice {
  enum class Leads : std::uint8_t { kToNew, kToOpen, kToClosed };

  std::string id;  // digits
  Leads leads = Leads::kToOpen;

  bool operator==(const StatusChoice&) const = default;
};

// The first of those that close a ticket, or open it, rather as new; none: there is none.
const StatusChoice* ChoiceFor(const std::vector<StatusChoice>& choices, bool open);

// What GitHub and GitLab call the parts of an issue.
struct TicketNames {
  std::string_view number;
  std::string_view text;
  std::string_view open;  // the word under "state" of a ticket that is open
};
std::optional<TicketPage> ParseIssues(std::string_view reply, const std::string& repository,
                                      const TicketNames& names);
std::optional<Ticket> ParseIssue(std::string_view reply, const std::string& repository,
                                 const TicketNames& names);
// Whether an issue has the label, in either way that they name labels.
bool HasLabel(std::string_view reply, std::string_view label);

// Redmine's issues.json, ID.json and issue_categories.json (redmine.org/projects/redmine/wiki
// /Rest_api). Categories: ids by name.
std::optional<TicketPage> ParseRedmineIssues(std::string_view reply, const std::string& project);
std::optional<Ticket> ParseRedmineIssue(std::string_view reply, const std::string& project);
std::optional<std::vector<StatusChoice>> ParseRedmineStatuses(std::string_view reply);
std::optional<std::map<std::string, std::int64_t>> ParseRedmineCategories(std::string_view reply);

// Jira's search, issue, created issue, which tells no more than its key, and transitions
// (developer.atlassian.com/cloud/jira/platform/rest/v2).
std::optional<TicketPage> ParseJiraIssues(std::string_view reply);
std::optional<Ticket> ParseJiraIssue(std::string_view reply);
std::optional<std::string> ParseJiraKey(std::string_view reply);
std::optional<std::vector<StatusChoice>> ParseJiraTransitions(std::string_view reply);
// "EXP-17"
bool IsJiraKey(std::string_view text);

}  // namespace postern::exporters

#include "exporters/tracker_reply.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "core/parse_number.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using Leads = StatusChoice::Leads;

json::value Parse(std::string_view reply) {
  boost::system::error_code error;
  auto value = json::parse(reply, error);
  return error ? json::value() : value;
}

const json::value* At(const json::value* value, std::string_view name) {
  const auto* object = value == nullptr ? nullptr : value->if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

const json::array* ArrayAt(const json::value* value, std::string_view name) {
  const auto* item = At(value, name);
  return item == nullptr ? nullptr : item->if_array();
}

std::string TextAt(const json::value* value, std::string_view name) {
  const auto* item = At(value, name);
  return item != nullptr && item->is_string() ? std::string(item->get_string()) : "";
}

std::optional<bool> FlagAt(const json::value* value, std::string_view name) {
  const auto* item = At(value, name);
  return item != nullptr && item->is_bool() ? std::optional(item->get_bool()) : std::nullopt;
}

std::optional<std::int64_t> NumberAt(const json::value* value, std::string_view name) {
  const auto* item = At(value, name);
  const bool is_number = item != nullptr && item->is_int64() && item->get_int64() > 0;
  return is_number ? std::optional(item->get_int64()) : std::nullopt;
}

template <typename TicketOf>
std::optional<TicketPage> PageOf(const json::array* entries, TicketOf ticket_of) {
  if (entries == nullptr) return std::nullopt;
  TicketPage page{.tickets = {}, .entries = entries->size(), .next = ""};
  for (const auto& entry : *entries) {
    if (auto ticket = ticket_of(&entry)) page.tickets.push_back(*std::move(ticket));
  }
  return page;
}

std::optional<Ticket> IssueOf(const json::value* value, const std::string& repository,
                              const TicketNames& names) {
  const auto number = NumberAt(value, names.number);
  const auto state = TextAt(value, "state");
  // GitHub lists pull requests among its issues; one may well name a ticket's marker.
  if (!number || state.empty() || At(value, "pull_request") != nullptr) return std::nullopt;
  return Ticket{.key = repository + "#" + std::to_string(*number),
                .open = state == names.open,
                .text = TextAt(value, names.text)};
}

std::optional<Ticket> RedmineIssueOf(const json::value* value, const std::string& project) {
  const auto id = NumberAt(value, "id");
  const auto closed = FlagAt(At(value, "status"), "is_closed");
  if (!id || !closed) return std::nullopt;
  return Ticket{.key = project + "#" + std::to_string(*id),
                .open = !*closed,
                .text = TextAt(value, "description")};
}

// Of the three that Jira has (rest/v2, workflow status categories): "new", "indeterminate", "done".
std::optional<Leads> LeadsTo(const json::value* status) {
  const auto category = TextAt(At(status, "statusCategory"), "key");
  if (category == "done") return Leads::kToClosed;
  if (category == "new") return Leads::kToNew;
  return category.empty() ? std::nullopt : std::optional(Leads::kToOpen);
}

std::optional<Ticket> JiraIssueOf(const json::value* value) {
  const auto* fields = At(value, "fields");
  auto key = TextAt(value, "key");
  const auto status = LeadsTo(At(fields, "status"));
  if (!IsJiraKey(key) || !status) return std::nullopt;
  return Ticket{.key = std::move(key),
                .open = *status != Leads::kToClosed,
                .text = TextAt(fields, "description")};
}

bool IsIn(char c, char first, char last) { return first <= c && c <= last; }

}  // namespace

const StatusChoice* ChoiceFor(const std::vector<StatusChoice>& choices, bool open) {
  const auto first = [&](Leads leads) -> const StatusChoice* {
    const auto at = std::ranges::find(choices, leads, &StatusChoice::leads);
    return at == choices.end() ? nullptr : &*at;
  };
  if (!open) return first(Leads::kToClosed);
  const auto* as_new = first(Leads::kToNew);
  return as_new != nullptr ? as_new : first(Leads::kToOpen);
}

// --- GitHub, GitLab ---

std::optional<TicketPage> ParseIssues(std::string_view reply, const std::string& repository,
                                      const TicketNames& names) {
  const auto value = Parse(reply);
  return PageOf(value.if_array(),
                [&](const json::value* entry) { return IssueOf(entry, repository, names); });
}

std::optional<Ticket> ParseIssue(std::string_view reply, const std::string& repository,
                                 const TicketNames& names) {
  const auto value = Parse(reply);
  return IssueOf(&value, repository, names);
}

bool HasLabel(std::string_view reply, std::string_view label) {
  const auto value = Parse(reply);
  const auto* labels = ArrayAt(&value, "labels");
  return labels != nullptr && std::ranges::any_of(*labels, [&](const json::value& each) {
           return (each.is_string() && each.get_string() == label) ||
                  TextAt(&each, "name") == label;
         });
}

// --- Redmine ---

std::optional<TicketPage> ParseRedmineIssues(std::string_view reply, const std::string& project) {
  const auto value = Parse(reply);
  return PageOf(ArrayAt(&value, "issues"),
                [&](const json::value* entry) { return RedmineIssueOf(entry, project); });
}

std::optional<Ticket> ParseRedmineIssue(std::string_view reply, const std::string& project) {
  const auto value = Parse(reply);
  return RedmineIssueOf(At(&value, "issue"), project);
}

std::optional<std::vector<StatusChoice>> ParseRedmineStatuses(std::string_view reply) {
  const auto value = Parse(reply);
  const auto* statuses = ArrayAt(At(&value, "issue"), "allowed_statuses");
  if (statuses == nullptr) return std::nullopt;
  std::vector<StatusChoice> choices;
  for (const auto& status : *statuses) {
    const auto id = NumberAt(&status, "id");
    const auto closed = FlagAt(&status, "is_closed");
    if (!id || !closed) continue;
    choices.push_back({std::to_string(*id), *closed ? Leads::kToClosed : Leads::kToOpen});
  }
  return choices;
}

std::optional<std::map<std::string, std::int64_t>> ParseRedmineCategories(std::string_view reply) {
  const auto value = Parse(reply);
  const auto* categories = ArrayAt(&value, "issue_categories");
  if (categories == nullptr) return std::nullopt;
  std::map<std::string, std::int64_t> ids;
  for (const auto& category : *categories) {
    if (const auto id = NumberAt(&category, "id")) ids.emplace(TextAt(&category, "name"), *id);
  }
  return ids;
}

// --- Jira ---

std::optional<TicketPage> ParseJiraIssues(std::string_view reply) {
  const auto value = Parse(reply);
  auto page = PageOf(ArrayAt(&value, "issues"), JiraIssueOf);
  if (page) page->next = TextAt(&value, "nextPageToken");
  return page;
}

std::optional<Ticket> ParseJiraIssue(std::string_view reply) {
  const auto value = Parse(reply);
  return JiraIssueOf(&value);
}

std::optional<std::string> ParseJiraKey(std::string_view reply) {
  const auto value = Parse(reply);
  auto key = TextAt(&value, "key");
  return IsJiraKey(key) ? std::optional(std::move(key)) : std::nullopt;
}

std::optional<std::vector<StatusChoice>> ParseJiraTransitions(std::string_view reply) {
  const auto value = Parse(reply);
  const auto* transitions = ArrayAt(&value, "transitions");
  if (transitions == nullptr) return std::nullopt;
  std::vector<StatusChoice> choices;
  for (const auto& transition : *transitions) {
    auto id = TextAt(&transition, "id");
    const auto leads = LeadsTo(At(&transition, "to"));
    if (leads && ParseDecimal(id, 1, INT64_MAX)) choices.push_back({std::move(id), *leads});
  }
  return choices;
}

bool IsJiraKey(std::string_view text) {
  const auto dash = text.rfind('-');
  if (dash == std::string_view::npos || !ParseDecimal(text.substr(dash + 1), 1, INT64_MAX)) {
    return false;
  }
  const auto project = text.substr(0, dash);
  return !project.empty() && IsIn(project[0], 'A', 'Z') && std::ranges::all_of(project, [](char c) {
    return IsIn(c, 'A', 'Z') || IsIn(c, '0', '9') || c == '_';
  });
}

}  // namespace postern::exporters

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "core/drift.h"
#include "core/enum_names.h"
#include "core/http_url.h"
#include "core/parse_number.h"
#include "core/ticket_template.h"
#include "policy/not_yet.h"
#include "policy/read_config.h"

namespace postern::policy {
namespace {

std::optional<std::string> ReadAlertmanagerUrl(YamlReader& reader, const YamlNode* node) {
  auto url = ReadUrl(reader, node);
  if (!url || url->find_first_of("?#") == std::string::npos) return url;
  reader.Error(*node, "a URL with a query; /api/v2/alerts follows what stands here");
  return std::nullopt;
}

AlertmanagerConfig ReadAlertmanager(YamlReader& reader, const YamlNode& node,
                                    const std::string& folder) {
  const Fields fields(reader, node, "alertmanager", {"urls"}, kHttpClientKeys);
  auto http = ReadHttpClient(reader, node, fields, folder);
  std::set<std::string> places;
  auto urls = reader.Distinct<std::string>(fields.Require("urls"), [&](const YamlNode* item) {
    auto url = ReadAlertmanagerUrl(reader, item);
    if (url && !places.insert(AlertmanagerPlace(*url)).second) {
      reader.Error(*item,
                   "a second URL of '" + AlertmanagerPlace(*url) + "'; each gets everything");
    }
    if (url) RefuseClearText(reader, item, *url, http);
    return url;
  });
  return {std::move(urls), std::move(http)};
}

WebhookConfig ReadWebhook(YamlReader& reader, const YamlNode& node, const std::string& folder) {
  const Fields fields(reader, node, "a webhook", {"url", "secret_file"}, kHttpClientKeys);
  const auto* url = fields.Require("url");
  WebhookConfig webhook{.url = ReadUrl(reader, url).value_or(""),
                        .secret_file = ReadSecretPath(reader, fields.Find("secret_file"), folder),
                        .http = ReadHttpClient(reader, node, fields, folder)};
  RefuseClearText(reader, url, webhook.url, webhook.http);
  return webhook;
}

constexpr EnumNames<Tracker, 4> kTrackers = {{
    {Tracker::kGithub, "github"},
    {Tracker::kGitlab, "gitlab"},
    {Tracker::kJira, "jira"},
    {Tracker::kRedmine, "redmine"},
}};

std::optional<Tracker> ParseTracker(std::string_view text) { return ValueOf(kTrackers, text); }

// OWNER/NAME at GitHub, GROUP/.../NAME at GitLab: names between slashes, so that it stays the path
// that it is meant to be.
bool IsRepository(Tracker system, std::string_view text) {
  std::size_t parts = 0;
  while (true) {
    const auto slash = text.find('/');
    const auto part = text.substr(0, slash);
    if (!IsName(part) || part == "." || part == "..") return false;
    ++parts;
    if (slash == std::string_view::npos) break;
    text.remove_prefix(slash + 1);
  }
  return system == Tracker::kGithub ? parts == 2 : parts >= 2;
}

// Jira's keys are capitals, digits and underscores; Redmine's identifiers lower case letters,
// digits, dashes and underscores, or a number.
bool IsProject(Tracker system, std::string_view text) {
  const bool jira = system == Tracker::kJira;
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [&](char c) {
    const bool letter = jira ? c >= 'A' && c <= 'Z' : c >= 'a' && c <= 'z';
    return letter || (c >= '0' && c <= '9') || c == '_' || (!jira && c == '-');
  });
}

bool HasProjects(Tracker system) { return system == Tracker::kJira || system == Tracker::kRedmine; }

std::string_view PlaceForm(Tracker system) {
  switch (system) {
    case Tracker::kGithub:
      return "a repository; write OWNER/NAME";
    case Tracker::kGitlab:
      return "a repository; write GROUP/NAME";
    case Tracker::kJira:
      return "the key of a project at Jira, as EXP is";
    case Tracker::kRedmine:
      return "the identifier of a project at Redmine, as its address shows it";
  }
  return "";
}

// GitHub and GitLab have repositories, Jira and Redmine projects.
std::string_view PlaceKey(Tracker system) { return HasProjects(system) ? "project" : "repository"; }

std::string ReadRepository(YamlReader& reader, const Fields& fields, Tracker system) {
  const auto key = PlaceKey(system);
  const std::string other = HasProjects(system) ? "repository" : "project";
  if (const auto* node = fields.Find(other)) {
    reader.Error(*node, std::string(NameOf(kTrackers, system)) + " has no '" + other +
                            "'; write '" + std::string(key) + "'");
  }
  const auto* node = fields.Find(key);
  const auto text = reader.Text(node);
  if (!text) return "";
  const bool right = HasProjects(system) ? IsProject(system, *text) : IsRepository(system, *text);
  if (right) return *text;
  reader.Error(*node, "'" + Escaped(*text) + "' is not " + std::string(PlaceForm(system)));
  return "";
}

std::string ReadAssignee(YamlReader& reader, const YamlNode* node, Tracker system) {
  const auto text = reader.Text(node);
  const bool numbered = system == Tracker::kGitlab || system == Tracker::kRedmine;
  if (!text || !numbered || ParseDecimal(*text, 1, INT64_MAX)) return text.value_or("");
  reader.Error(*node, "'" + Escaped(*text) + "' is not a user id; " +
                          (system == Tracker::kGitlab ? "GitLab" : "Redmine") +
                          " assigns by number");
  return "";
}

std::string ReadComponent(YamlReader& reader, const YamlNode* node, Tracker system) {
  if (node == nullptr) return "";
  if (HasProjects(system)) return reader.Text(node).value_or("");
  reader.Error(*node, "only Jira and Redmine have components; remove it");
  return "";
}

// What `fields` leaves out is as in `place`.
TicketPlace ReadPlace(YamlReader& reader, const Fields& fields, Tracker system, TicketPlace place) {
  auto repository = ReadRepository(reader, fields, system);
  if (!repository.empty()) place.repository = std::move(repository);
  if (const auto* node = fields.Find("assignee")) {
    place.assignee = ReadAssignee(reader, node, system);
  }
  if (const auto* node = fields.Find("component")) {
    place.component = ReadComponent(reader, node, system);
  }
  return place;
}

// By the owner, as hosts have it.
std::map<std::string, TicketPlace> ReadOwners(YamlReader& reader, const YamlNode* node,
                                              const TicketConfig& ticket) {
  std::map<std::string, TicketPlace> owners;
  for (const auto& [key, value] : NamedEntries(reader, node, Keys::kTexts)) {
    const Fields fields(reader, *value, "an owner",
                        {"repository", "project", "assignee", "component"});
    if (!fields.ok()) continue;
    owners.emplace(key->text, ReadPlace(reader, fields, ticket.system, ticket.place));
  }
  return owners;
}

std::string ReadTicketUrl(YamlReader& reader, const Fields& fields, Tracker system) {
  if (HasProjects(system)) return ReadUrl(reader, fields.Require("url")).value_or("");
  if (const auto* url = fields.Find("url")) return ReadUrl(reader, url).value_or("");
  return system == Tracker::kGithub ? "https://api.github.com" : "https://gitlab.com";
}

std::optional<TicketTemplate> ReadTemplate(YamlReader& reader, const YamlNode* node,
                                           std::span<const std::string_view> names) {
  constexpr std::size_t kLongest = 20'000;  // a third of what GitHub takes
  const auto text = reader.Text(node, kLongest);
  if (!text) return std::nullopt;
  auto parsed = TicketTemplate::Parse(*text, names);
  if (parsed) return *std::move(parsed);
  reader.Error(*node, Escaped(parsed.error().message, 400));
  return std::nullopt;
}

// How the tickets read. A title is one line, so that it cannot have the block of lines, which is
// the first of the names.
void ReadWording(YamlReader& reader, const Fields& fields, TicketConfig& ticket) {
  const auto names = ticket.per_host ? std::span<const std::string_view>(kHostFacts)
                                     : std::span<const std::string_view>(kFindingFacts);
  ticket.title = ReadTemplate(reader, fields.Find("title"), names.subspan(1));
  ticket.body = ReadTemplate(reader, fields.Find("body"), names);
}

// GitHub and Jira take the token in the header that a login would need.
void CheckAuthorization(YamlReader& reader, const YamlNode& node, const TicketConfig& ticket) {
  const bool is_taken = ticket.system == Tracker::kGithub || ticket.system == Tracker::kJira;
  const auto& http = ticket.http;
  if (!is_taken || (!http.basic_auth.IsSet() && http.credentials_file.empty())) return;
  reader.Error(node, "the token of 'token_file' is the Authorization header of a request to " +
                         std::string(NameOf(kTrackers, ticket.system)) +
                         "; it cannot have another login");
}

TicketConfig ReadTicket(YamlReader& reader, const YamlNode& node, const std::string& folder) {
  const Fields fields(reader, node, "a ticket",
                      {"system", "url", "repository", "project", "assignee", "component",
                       "token_file", "owners", "per", "title", "body"},
                      kHttpClientKeys);
  TicketConfig ticket;
  const auto is_host = [](std::string_view text) { return std::optional(text == "host"); };
  ticket.per_host =
      reader.Choice<bool>(fields.Find("per"), +is_host, {"finding", "host"}).value_or(false);
  ReadWording(reader, fields, ticket);
  const auto system = reader.Choice(fields.Require("system"), ParseTracker,
                                    {"github", "gitlab", "jira", "redmine"});
  ticket.token_file = ReadSecretPath(reader, fields.Require("token_file"), folder);
  if (!system) return ticket;
  ticket.system = *system;
  ticket.url = ReadTicketUrl(reader, fields, *system);
  ticket.http = ReadHttpClient(reader, node, fields, folder);
  RefuseClearText(reader, fields.Find("url"), ticket.url, ticket.http, true);
  CheckAuthorization(reader, node, ticket);
  if (!fields.Find("repository") && !fields.Find("project")) fields.Require(PlaceKey(*system));
  ticket.place = ReadPlace(reader, fields, *system, {});
  ticket.owners = ReadOwners(reader, fields.Find("owners"), ticket);
  return ticket;
}

// Exactly one of the four says where findings go.
void ReadSettings(YamlReader& reader, const YamlNode& node, const Fields& fields,
                  const std::string& folder, ReceiverConfig& receiver) {
  const auto* alertmanager = fields.Find("alertmanager");
  const auto* webhook = fields.Find("webhook");
  const auto* ticket = fields.Find("ticket");
  const auto* email = fields.Find("email");
  const int given = (alertmanager ? 1 : 0) + (webhook ? 1 : 0) + (ticket ? 1 : 0) + (email ? 1 : 0);
  if (given != 1) {
    reader.Error(node,
                 "a receiver has exactly one of 'alertmanager', 'webhook', 'ticket' and 'email'");
  }
  if (alertmanager != nullptr) receiver.settings = ReadAlertmanager(reader, *alertmanager, folder);
  if (webhook != nullptr) receiver.settings = ReadWebhook(reader, *webhook, folder);
  if (ticket != nullptr) receiver.settings = ReadTicket(reader, *ticket, folder);
  if (email != nullptr) receiver.settings = ReadEmail(reader, *email, folder);
}

std::vector<std::string_view> KindNames() {
  std::vector<std::string_view> names;
  names.reserve(kDriftKinds.size());
  for (const auto kind : kDriftKinds) names.push_back(ToString(kind));
  return names;
}

std::optional<DriftKind> ReadKind(YamlReader& reader, const YamlNode* node) {
  const auto text = reader.Text(node);
  if (!text) return std::nullopt;
  const auto kind = ParseDriftKind(*text);
  if (kind) return kind;
  if (IsLaterDriftKind(*text)) {
    reader.problems().Warning(reader.Where(*node),
                              "kind '" + *text + "' is accepted, but this version reports none");
    return std::nullopt;
  }
  reader.Error(*node,
               "'" + Escaped(*text) + "' is not a kind of drift" + DidYouMean(*text, KindNames()));
  return std::nullopt;
}

std::optional<ReceiverConfig> ReadReceiver(YamlReader& reader, const YamlNode& node,
                                           const std::string& folder) {
  const Fields fields(
      reader, node, "a receiver",
      {"name", "alertmanager", "webhook", "ticket", "email", "severities", "kinds"});
  if (!fields.ok()) return std::nullopt;
  ReceiverConfig receiver;
  receiver.where = reader.Where(node);
  const auto name = reader.Name(fields.Require("name"));
  ReadSettings(reader, node, fields, folder, receiver);
  receiver.severities =
      reader.Distinct<Severity>(fields.Find("severities"), [&](const YamlNode* item) {
        return reader.Choice(item, ParseSeverity, {"critical", "warning", "info"});
      });
  if (const auto* kinds = fields.Find("kinds")) {
    receiver.kinds = reader.Distinct<DriftKind>(
        kinds, [&](const YamlNode* item) { return ReadKind(reader, item); });
  }
  if (!name) return std::nullopt;
  receiver.name = *name;
  return receiver;
}

}  // namespace

std::optional<std::string> ReadUrl(YamlReader& reader, const YamlNode* node) {
  auto url = reader.Text(node);
  if (!url || HttpUrl::Parse(*url)) return url;
  const bool http = url->starts_with("http://") || url->starts_with("https://");
  const auto host = url->find("://") + 3;
  // What stands before an @ would show in logs, and in the names of receivers.
  if (http && url->substr(host, url->find('/', host) - host).find('@') != std::string::npos) {
    reader.Error(*node, "a URL with a user name or a password; secrets do not stand in this file");
  } else {
    reader.Error(*node, "not a URL; write http://HOST or https://HOST");
  }
  return std::nullopt;
}

std::vector<ReceiverConfig> ReadReceivers(YamlReader& reader, const YamlNode* node,
                                          const std::string& folder) {
  std::vector<ReceiverConfig> receivers;
  std::map<std::string, SourceLocation> names;
  for (const YamlNode* item : reader.Items(node)) {
    auto receiver = ReadReceiver(reader, *item, folder);
    if (!receiver) continue;
    const auto [first, added] = names.emplace(receiver->name, receiver->where);
    if (!added) {
      reader.problems().Error(receiver->where,
                              "a second receiver '" + receiver->name + "'; names differ",
                              first->second, "the first one");
    }
    receivers.push_back(std::move(*receiver));
  }
  return receivers;
}

}  // namespace postern::policy

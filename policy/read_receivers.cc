#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/drift.h"
#include "core/enum_names.h"
#include "core/parse_number.h"
#include "policy/not_yet.h"
#include "policy/read_config.h"

namespace postern::policy {
namespace {

AlertmanagerConfig ReadAlertmanager(YamlReader& reader, const YamlNode& node) {
  const Fields fields(reader, node, "alertmanager", {"urls"});
  return {reader.Distinct<std::string>(
      fields.Require("urls"), [&](const YamlNode* item) { return ReadUrl(reader, item); })};
}

std::string ReadSecretPath(YamlReader& reader, const YamlNode* node, const std::string& folder) {
  const auto path = reader.Text(node);
  return path ? ResolvedPath(folder, *path) : "";
}

WebhookConfig ReadWebhook(YamlReader& reader, const YamlNode& node, const std::string& folder) {
  const Fields fields(reader, node, "a webhook", {"url", "secret_file", "allow_link_local"});
  return {ReadUrl(reader, fields.Require("url")).value_or(""),
          ReadSecretPath(reader, fields.Find("secret_file"), folder),
          reader.Flag(fields.Find("allow_link_local")).value_or(false)};
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

std::string ReadRepository(YamlReader& reader, const YamlNode* node, Tracker system) {
  const auto text = reader.Text(node);
  if (!text || !Runs(system) || IsRepository(system, *text)) return text.value_or("");
  reader.Error(*node, "'" + Escaped(*text) + "' is not a repository; write " +
                          (system == Tracker::kGithub ? "OWNER/NAME" : "GROUP/NAME"));
  return "";
}

std::string ReadAssignee(YamlReader& reader, const YamlNode* node, Tracker system) {
  const auto text = reader.Text(node);
  if (!text || system != Tracker::kGitlab || ParseDecimal(*text, 1, INT64_MAX)) {
    return text.value_or("");
  }
  reader.Error(*node, "'" + Escaped(*text) + "' is not a user id; GitLab assigns by number");
  return "";
}

// By the name of the owner, as hosts have it.
std::map<std::string, TicketPlace> ReadOwners(YamlReader& reader, const YamlNode* node,
                                              const TicketConfig& ticket) {
  std::map<std::string, TicketPlace> owners;
  for (const auto& [key, value] : NamedEntries(reader, node)) {
    const Fields fields(reader, *value, "an owner", {"repository", "assignee"});
    if (!fields.ok()) continue;
    auto place = ticket.place;
    if (const auto* repository = fields.Find("repository")) {
      place.repository = ReadRepository(reader, repository, ticket.system);
    }
    if (const auto* assignee = fields.Find("assignee")) {
      place.assignee = ReadAssignee(reader, assignee, ticket.system);
    }
    owners.emplace(key->text, std::move(place));
  }
  return owners;
}

std::string DefaultUrl(Tracker system) {
  switch (system) {
    case Tracker::kGithub:
      return "https://api.github.com";
    case Tracker::kGitlab:
      return "https://gitlab.com";
    case Tracker::kJira:
    case Tracker::kRedmine:
      return "";
  }
  return "";
}

TicketConfig ReadTicket(YamlReader& reader, const YamlNode& node, const std::string& folder) {
  const Fields fields(reader, node, "a ticket",
                      {"system", "url", "repository", "assignee", "token_file", "owners"});
  TicketConfig ticket;
  const auto system = reader.Choice(fields.Require("system"), ParseTracker,
                                    {"github", "gitlab", "jira", "redmine"});
  const auto* repository = fields.Require("repository");
  ticket.token_file = ReadSecretPath(reader, fields.Require("token_file"), folder);
  if (!system) return ticket;
  ticket.system = *system;
  const auto* url = fields.Find("url");
  ticket.url = url ? ReadUrl(reader, url).value_or("") : DefaultUrl(*system);
  ticket.place.repository = ReadRepository(reader, repository, *system);
  ticket.place.assignee = ReadAssignee(reader, fields.Find("assignee"), *system);
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
  if (alertmanager != nullptr) receiver.settings = ReadAlertmanager(reader, *alertmanager);
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
  if (!url) return std::nullopt;
  const bool http = url->starts_with("http://") || url->starts_with("https://");
  const auto host = url->find("://") + 3;
  const bool has_host = http && host < url->size() && (*url)[host] != '/' && (*url)[host] != ':';
  const bool clean = std::all_of(url->begin(), url->end(), [](char c) { return c > ' '; });
  if (has_host && clean) return url;
  reader.Error(*node, "'" + Escaped(*url) + "' is not a URL; write http://HOST or https://HOST");
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

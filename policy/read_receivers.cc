#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/drift.h"
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

TicketConfig ReadTicket(YamlReader& reader, const YamlNode& node, const std::string& folder) {
  const Fields fields(reader, node, "a ticket", {"system", "repository", "token_file"});
  const auto same = [](std::string_view text) { return std::optional<std::string>(text); };
  TicketConfig ticket;
  ticket.system = reader
                      .Choice<std::string>(fields.Require("system"), +same,
                                           {"github", "gitlab", "jira", "redmine"})
                      .value_or("");
  ticket.repository = reader.Text(fields.Require("repository")).value_or("");
  ticket.token_file = ReadSecretPath(reader, fields.Require("token_file"), folder);
  return ticket;
}

// Exactly one of the three says where findings go.
void ReadSettings(YamlReader& reader, const YamlNode& node, const Fields& fields,
                  const std::string& folder, ReceiverConfig& receiver) {
  const auto* alertmanager = fields.Find("alertmanager");
  const auto* webhook = fields.Find("webhook");
  const auto* ticket = fields.Find("ticket");
  const int given = (alertmanager ? 1 : 0) + (webhook ? 1 : 0) + (ticket ? 1 : 0);
  if (given != 1) {
    reader.Error(node, "a receiver has exactly one of 'alertmanager', 'webhook' and 'ticket'");
  }
  if (alertmanager != nullptr) receiver.settings = ReadAlertmanager(reader, *alertmanager);
  if (webhook != nullptr) receiver.settings = ReadWebhook(reader, *webhook, folder);
  if (ticket != nullptr) receiver.settings = ReadTicket(reader, *ticket, folder);
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
  const Fields fields(reader, node, "a receiver",
                      {"name", "alertmanager", "webhook", "ticket", "severities", "kinds"});
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

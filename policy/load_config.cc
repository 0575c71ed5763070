#include "policy/load_config.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "core/parse_number.h"
#include "policy/problems.h"
#include "policy/quiet_hours.h"
#include "policy/read_config.h"
#include "policy/read_policy.h"
#include "policy/source_file.h"
#include "policy/yaml_document.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxRate = 10'000'000;

std::string FolderOf(const std::string& path) { return fs::path(path).parent_path().string(); }

void ReadStorage(YamlReader& reader, const YamlNode* node, const std::string& folder,
                 Config& config) {
  constexpr std::string_view kScheme = "sqlite:";
  config.storage_path = ResolvedPath(folder, "postern.db");
  const auto text = reader.Text(node);
  if (!text) return;
  if (!text->starts_with(kScheme) || text->size() == kScheme.size()) {
    reader.Error(*node, "'" + Escaped(*text) + "' is no storage; write sqlite:PATH");
    return;
  }
  config.storage_path = ResolvedPath(folder, text->substr(kScheme.size()));
}

// "127.0.0.1:9977", "[::1]:9977"
void ReadListen(YamlReader& reader, const YamlNode* node, Config& config) {
  config.listen_address = *IpAddress::Parse("127.0.0.1");
  const auto text = reader.Text(node);
  if (!text) return;
  const auto colon = text->rfind(':');
  std::string_view host = std::string_view(*text).substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::Parse(host);
  const bool fits = address && brackets == (address->family() == Family::kIpv6);
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : ParseDecimal(std::string_view(*text).substr(colon + 1), 1, 65535);
  if (!fits || !port) {
    reader.Error(*node, "'" + Escaped(*text) +
                            "' is not an address to listen on; write it as 127.0.0.1:9977 or "
                            "\"[::1]:9977\"");
    return;
  }
  config.listen_address = *address;
  config.listen_port = static_cast<std::uint16_t>(*port);
}

void ReadWeb(YamlReader& reader, const YamlNode* node, const std::string& folder, WebOptions& web) {
  if (node == nullptr) return;
  const Fields fields(reader, *node, "web", {"config_file", "enable_reload"});
  const auto* file = fields.Find("config_file");
  if (const auto path = reader.Text(file)) {
    web.config_file = ResolvedPath(folder, *path);
    web.where = reader.Where(*file);
  }
  web.enable_reload = reader.Flag(fields.Find("enable_reload")).value_or(false);
}

void ReadControlSocket(YamlReader& reader, const YamlNode* node, const std::string& folder,
                       Config& config) {
  const auto path = reader.Text(node);
  if (!path) return;
  config.control_socket = ResolvedPath(folder, *path);
  // sockaddr_un has room for so many and a NUL: unix(7).
  constexpr std::size_t kLongestPath = 107;
  if (path->empty() || config.control_socket.size() > kLongestPath) {
    reader.Error(*node, "'" + Escaped(*path) + "' cannot be a socket: a path of 1 to " +
                            std::to_string(kLongestPath) + " bytes is needed");
  }
}

std::vector<QuietHours> ReadQuietHours(YamlReader& reader, const YamlNode* node) {
  std::vector<QuietHours> all;
  for (const YamlNode* item : reader.Items(node)) {
    const auto text = reader.Text(item);
    if (!text) continue;
    const auto windows = ParseQuietHours(*text);
    if (windows) {
      all.insert(all.end(), windows->begin(), windows->end());
    } else {
      reader.Error(*item, "'" + Escaped(*text) + "' " + windows.error().message);
    }
  }
  return all;
}

void ReadLimits(YamlReader& reader, const YamlNode* node, Limits& limits) {
  if (node == nullptr) return;
  const Fields fields(reader, *node, "limits",
                      {"rate", "host_rate", "network_rate", "quiet_hours"});
  const auto rate = [&](const char* key, double& value) {
    value = reader.Quantity(fields.Find(key), 0.01, kMaxRate).value_or(value);
  };
  rate("rate", limits.rate);
  rate("host_rate", limits.host_rate);
  rate("network_rate", limits.network_rate);
  limits.quiet_hours = ReadQuietHours(reader, fields.Find("quiet_hours"));
}

void ReadCount(YamlReader& reader, const YamlNode* node, int& value) {
  constexpr int kMostRuns = 100;
  value = reader.Number(node, 1, kMostRuns).value_or(value);
}

void ReadConfirm(YamlReader& reader, const YamlNode* node, Confirm& confirm) {
  if (node == nullptr) return;
  const Fields fields(reader, *node, "confirm",
                      {"open", "gone", "resolve_after", "reopen_within", "gone_after"});
  if (const auto* open = fields.Find("open")) {
    const Fields counts(reader, *open, "open", {"methods"});
    ReadCount(reader, counts.Find("methods"), confirm.open_methods);
  }
  if (const auto* gone = fields.Find("gone")) {
    const Fields counts(reader, *gone, "gone", {"runs"});
    ReadCount(reader, counts.Find("runs"), confirm.gone_runs);
  }
  ReadCount(reader, fields.Find("resolve_after"), confirm.resolve_after);
  confirm.reopen_within =
      reader.Period(fields.Find("reopen_within"), Duration(0)).value_or(confirm.reopen_within);
  // Shorter than this, a reboot would end findings.
  confirm.gone_after = reader.Period(fields.Find("gone_after"), std::chrono::minutes(10))
                           .value_or(confirm.gone_after);
}

void ReadRetention(YamlReader& reader, const YamlNode* node, Retention& retention) {
  if (node == nullptr) return;
  const Fields fields(reader, *node, "retention", {"snapshots", "evidence"});
  const auto period = [&](const char* key, Duration& value) {
    value = reader.Period(fields.Find(key), std::chrono::hours(1)).value_or(value);
  };
  period("snapshots", retention.snapshots);
  period("evidence", retention.evidence);
}

void ReadLog(YamlReader& reader, const YamlNode* node, LogConfig& log) {
  if (node == nullptr) return;
  const Fields fields(reader, *node, "log", {"level", "format"});
  log.level =
      reader.Choice(fields.Find("level"), ParseLogLevel, {"debug", "info", "warning", "error"})
          .value_or(log.level);
  const auto is_json = [](std::string_view text) { return std::optional(text == "json"); };
  log.json =
      reader.Choice<bool>(fields.Find("format"), +is_json, {"logfmt", "json"}).value_or(log.json);
}

Config ReadConfig(YamlReader& reader, const YamlNode& root, const std::string& folder,
                  const std::string& state_directory) {
  constexpr int kMostSeries = 1'000'000;
  Config config;
  const Fields fields(reader, root, "a configuration",
                      {"version", "viewpoint", "policy", "storage", "listen", "web", "external_url",
                       "runbook_url", "control_socket", "limits", "scans", "confirm", "canaries",
                       "retention", "receivers", "finding_series_limit", "log"});
  ReadVersion(reader, fields);
  const auto* viewpoint = fields.Require("viewpoint");
  config.viewpoint = reader.Name(viewpoint).value_or("");
  config.viewpoint_where = reader.Where(viewpoint != nullptr ? *viewpoint : root);
  config.policy_path = ResolvedPath(folder, reader.Text(fields.Require("policy")).value_or(""));
  ReadStorage(reader, fields.Find("storage"), state_directory.empty() ? folder : state_directory,
              config);
  ReadListen(reader, fields.Find("listen"), config);
  ReadWeb(reader, fields.Find("web"), folder, config.web);
  config.external_url = ReadUrl(reader, fields.Find("external_url")).value_or("");
  config.runbook_url = ReadUrl(reader, fields.Find("runbook_url")).value_or("");
  ReadControlSocket(reader, fields.Find("control_socket"), folder, config);
  ReadLimits(reader, fields.Find("limits"), config.limits);
  const auto* scans = fields.Find("scans");
  config.scans = ReadScans(reader, scans);
  if (scans == nullptr) {
    reader.problems().Warning(config.viewpoint_where,
                              "no scans are configured, so that a daemon has nothing to do");
  }
  ReadConfirm(reader, fields.Find("confirm"), config.confirm);
  config.canaries = ReadCanaries(reader, fields.Find("canaries"));
  ReadRetention(reader, fields.Find("retention"), config.retention);
  config.receivers = ReadReceivers(reader, fields.Find("receivers"), folder);
  config.finding_series_limit = reader.Number(fields.Find("finding_series_limit"), 0, kMostSeries)
                                    .value_or(config.finding_series_limit);
  ReadLog(reader, fields.Find("log"), config.log);
  return config;
}

void LoadWeb(LoadedSetup& setup) {
  auto& web = setup.config->web;
  if (web.config_file.empty()) return;
  web.stamp = StampOf(web.config_file);
  auto loaded = LoadWebConfig(web.config_file);
  if (loaded.config) web.config = std::move(*loaded.config);
  setup.config_diagnostics.Add(loaded.diagnostics);
  setup.unreadable = loaded.unreadable;
}

}  // namespace

std::string ResolvedPath(const std::string& folder, const std::string& path) {
  // The right side wins where it is absolute.
  return (fs::path(folder) / path).string();
}

LoadedConfig LoadConfig(const std::string& path, const std::string& state_directory) {
  const auto source = ReadSourceText(path);
  if (source) return LoadConfigText(*source, state_directory);
  LoadedConfig loaded;
  loaded.diagnostics.Add(
      {.where = {path, 0, 0}, .message = source.error().message, .line = {}, .notes = {}});
  loaded.unreadable = true;
  return loaded;
}

LoadedConfig LoadConfigText(const SourceText& source, const std::string& state_directory) {
  LoadedConfig loaded;
  const std::vector<SourceFile> files{SourceFile(source)};
  Problems problems(files);
  const auto document = YamlDocument::Parse(files.front(), problems);
  if (document.root() != nullptr) {
    YamlReader reader(document, problems);
    loaded.config = ReadConfig(reader, *document.root(), FolderOf(source.name), state_directory);
  }
  loaded.diagnostics = problems.Take();
  if (loaded.diagnostics.HasErrors()) loaded.config.reset();
  return loaded;
}

bool LooksLikeConfig(const SourceText& source) {
  const std::vector<SourceFile> files{SourceFile(source)};
  Problems unused(files);
  const auto document = YamlDocument::Parse(files.front(), unused);
  if (document.root() == nullptr) return false;
  const auto& children = document.root()->children;
  const auto has = [&](std::string_view key) {
    for (std::size_t i = 0; i < children.size(); i += 2) {
      if (children[i]->text == key) return true;
    }
    return false;
  };
  return document.root()->kind == YamlNode::Kind::kMapping && has("viewpoint") && has("policy");
}

LoadedSetup LoadSetup(const SourceText& config_source, const std::string& state_directory,
                      std::chrono::sys_days today) {
  LoadedSetup setup;
  auto config = LoadConfigText(config_source, state_directory);
  setup.config = std::move(config.config);
  setup.config_diagnostics = std::move(config.diagnostics);
  if (!setup.config) return setup;
  LoadWeb(setup);
  auto policy = LoadPolicy(setup.config->policy_path, today);
  setup.policy = std::move(policy.policy);
  setup.policy_diagnostics = std::move(policy.diagnostics);
  setup.unreadable = setup.unreadable || policy.unreadable;
  if (setup.policy) {
    setup.config_diagnostics.Add(CrossCheck(*setup.config, config_source, *setup.policy));
  }
  return setup;
}

}  // namespace postern::policy

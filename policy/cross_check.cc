#include <algorithm>
#include <string>
#include <vector>

#include "core/counted.h"
#include "core/secret_file.h"
#include "policy/load_config.h"
#include "policy/problems.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

constexpr std::size_t kFewestCanaries = 2;

void CheckCanaryPlaces(const Config& config, const Policy& policy, Problems& problems) {
  for (const auto& canary : config.canaries) {
    const auto& address = canary.endpoint.address;
    if (!policy.HasFamily(config.viewpoint, address.family())) {
      problems.Error(canary.where, "canary " + address.ToString() +
                                       " cannot be asked: viewpoint '" + config.viewpoint +
                                       "' has no " + std::string(ToString(address.family())) +
                                       "; take the canary out, or add the family to "
                                       "viewpoints." +
                                       config.viewpoint + ".families in the policy");
    } else if (!policy.MayProbe(address, config.viewpoint)) {
      problems.Error(canary.where, "canary " + address.ToString() +
                                       " may not be probed from here; include it in the policy's "
                                       "scope");
    }
    if (const auto* host = policy.HostOf(address)) {
      problems.Warning(canary.where, "canary " + address.ToString() + " is host '" + host->name +
                                         "' of the policy; choose one that does not change with "
                                         "the hosts that are watched");
    }
  }
}

bool HasTargets(const Policy& policy, Family family) {
  return std::any_of(policy.hosts.begin(), policy.hosts.end(), [&](const Host& host) {
    return std::any_of(host.addresses.begin(), host.addresses.end(),
                       [&](const IpAddress& address) { return address.family() == family; });
  });
}

void CheckCanaryCounts(const Config& config, const Policy& policy, Problems& problems) {
  for (const auto family : kFamilies) {
    std::vector<const Canary*> canaries;
    for (const auto& canary : config.canaries) {
      if (canary.endpoint.address.family() == family) canaries.push_back(&canary);
    }
    if (canaries.size() >= kFewestCanaries) continue;
    if (!policy.HasFamily(config.viewpoint, family)) continue;
    if (canaries.empty() && !HasTargets(policy, family)) continue;
    problems.Warning(canaries.empty() ? config.viewpoint_where : canaries.front()->where,
                     Counted(canaries.size(), "canary") + " for " + std::string(ToString(family)) +
                         "; at least two endpoints of certain state are needed to tell a blind "
                         "viewpoint from a changed network");
  }
}

void CheckDiscovery(const Config& config, const Policy& policy, Problems& problems) {
  const auto sweep =
      std::find_if(config.scans.begin(), config.scans.end(),
                   [](const ScanConfig& scan) { return scan.stage == Stage::kDiscover; });
  if (sweep == config.scans.end() && !policy.networks.empty()) {
    problems.Warning(config.viewpoint_where,
                     "the policy has networks, but no scan of stage discover sweeps them");
  }
  if (sweep != config.scans.end() && policy.networks.empty()) {
    problems.Warning(sweep->where,
                     "scan '" + sweep->name + "' has nothing to sweep: the policy has no networks");
  }
}

// A file that has to be there when a daemon starts.
struct NeededFile {
  std::string what;  // "secret file"
  std::string path;  // empty: there is none
  bool is_pem = false;
};

void AddFiles(const LoginConfig& login, std::vector<NeededFile>& files) {
  files.push_back({"secret file", login.username_file});
  files.push_back({"secret file", login.password_file});
}

void AddFiles(const TransportConfig& transport, std::vector<NeededFile>& files) {
  files.push_back({"ca_file", transport.tls.ca_file, true});
  files.push_back({"cert_file", transport.tls.cert_file, true});
  files.push_back({"key_file", transport.tls.key_file, true});
  AddFiles(transport.proxy.login, files);
}

void AddFiles(const HttpClientConfig& http, std::vector<NeededFile>& files) {
  AddFiles(http.transport, files);
  AddFiles(http.basic_auth, files);
  files.push_back({"secret file", http.credentials_file});
  for (const auto& header : http.headers) files.push_back({"secret file", header.secret_file});
}

std::vector<NeededFile> FilesOf(const ReceiverConfig& receiver) {
  std::vector<NeededFile> files;
  if (const auto* webhook = std::get_if<WebhookConfig>(&receiver.settings)) {
    files.push_back({"secret file", webhook->secret_file});
    AddFiles(webhook->http, files);
  } else if (const auto* ticket = std::get_if<TicketConfig>(&receiver.settings)) {
    files.push_back({"secret file", ticket->token_file});
    AddFiles(ticket->http, files);
  } else if (const auto* email = std::get_if<EmailConfig>(&receiver.settings)) {
    files.push_back({"secret file", email->password_file});
    AddFiles(email->transport, files);
  } else if (const auto* alertmanager = std::get_if<AlertmanagerConfig>(&receiver.settings)) {
    AddFiles(alertmanager->http, files);
  }
  return files;
}

void CheckFile(const SourceLocation& where, const std::string& whose, const NeededFile& file,
               Problems& problems) {
  if (file.path.empty()) return;
  const auto text = file.is_pem ? ReadPemFile(file.path) : ReadSecretFile(file.path);
  if (text) return;
  problems.Warning(
      where, whose + ": " + file.what + " " + Escaped(file.path) + ": " + text.error().message);
}

}  // namespace

std::optional<std::string> UnknownViewpoint(const Policy& policy, std::string_view viewpoint) {
  const auto& defined = policy.viewpoints;
  if (viewpoint.empty() || defined.empty() || defined.contains(std::string(viewpoint))) {
    return std::nullopt;
  }
  std::vector<std::string_view> names;
  names.reserve(defined.size());
  for (const auto& [name, value] : defined) names.push_back(name);
  return "the policy defines no viewpoint '" + Escaped(viewpoint) + "'" +
         DidYouMean(viewpoint, names);
}

Diagnostics CrossCheck(const Config& config, const SourceText& config_source,
                       const Policy& policy) {
  const std::vector<SourceFile> files{SourceFile(config_source)};
  Problems problems(files);
  if (const auto unknown = UnknownViewpoint(policy, config.viewpoint)) {
    problems.Error(config.viewpoint_where, *unknown);
  }
  CheckCanaryPlaces(config, policy, problems);
  CheckCanaryCounts(config, policy, problems);
  CheckDiscovery(config, policy, problems);
  return problems.Take();
}

Diagnostics CheckSecrets(const Config& config, const SourceText& config_source) {
  const std::vector<SourceFile> files{SourceFile(config_source)};
  Problems problems(files);
  for (const auto& receiver : config.receivers) {
    for (const auto& file : FilesOf(receiver)) {
      CheckFile(receiver.where, "receiver '" + receiver.name + "'", file, problems);
    }
  }
  if (const auto& tls = config.web.config.tls) {
    const NeededFile files[] = {{"cert_file", tls->cert_file, true},
                                {"key_file", tls->key_file, true},
                                {"client_ca_file", tls->client_ca_file, true}};
    for (const auto& file : files) CheckFile(config.web.where, "web", file, problems);
  }
  return problems.Take();
}

}  // namespace postern::policy

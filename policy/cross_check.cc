#include <algorithm>
#include <string>
#include <vector>

#include "core/counted.h"
#include "policy/load_config.h"
#include "policy/problems.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

constexpr std::size_t kFewestCanaries = 2;

void CheckCanaryPlaces(const Config& config, const Policy& policy, Problems& problems) {
  for (const auto& canary : config.canaries) {
    const auto& address = canary.endpoint.address;
    if (!policy.MayProbe(address, config.viewpoint)) {
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

// An empty path names none.
void CheckSecret(const SourceLocation& where, const std::string& whose, const std::string& path,
                 Problems& problems) {
  if (path.empty()) return;
  const auto secret = ReadSourceText(path);
  if (secret && !secret->text.empty()) return;
  problems.Warning(
      where, whose + Escaped(path) + ": " + (secret ? "it is empty" : secret.error().message));
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
    std::string path;
    if (const auto* webhook = std::get_if<WebhookConfig>(&receiver.settings)) {
      path = webhook->secret_file;
    } else if (const auto* ticket = std::get_if<TicketConfig>(&receiver.settings)) {
      path = ticket->token_file;
    } else if (const auto* email = std::get_if<EmailConfig>(&receiver.settings)) {
      path = email->password_file;
    }
    CheckSecret(receiver.where, "receiver '" + receiver.name + "': secret file ", path, problems);
  }
  if (const auto& tls = config.web.config.tls) {
    const auto check = [&](std::string_view what, const std::string& path) {
      CheckSecret(config.web.where, "web: " + std::string(what) + " ", path, problems);
    };
    check("cert_file", tls->cert_file);
    check("key_file", tls->key_file);
    check("client_ca_file", tls->client_ca_file);
  }
  return problems.Take();
}

}  // namespace postern::policy

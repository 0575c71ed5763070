// YAML to Config, and the checks that need configuration and policy together.
#pragma once

#include <optional>
#include <string>

#include "policy/config.h"
#include "policy/diagnostics.h"
#include "policy/load_policy.h"
#include "policy/policy.h"

namespace postern::policy {

struct LoadedConfig {
  std::optional<Config> config;  // none if there are errors
  Diagnostics diagnostics;
};

// Relative paths in the file are resolved against its folder; `storage` against `state_directory`
// where that is not empty (systemd's $STATE_DIRECTORY).
LoadedConfig LoadConfig(const std::string& path, const std::string& state_directory);
LoadedConfig LoadConfigText(const SourceText& source, const std::string& state_directory);

// What only shows with both: a viewpoint that the policy does not name, a canary that is a host of
// the policy, fewer than two canaries in a family, a discover scan without networks and the
// reverse.
Diagnostics CrossCheck(const Config& config, const SourceText& config_source, const Policy& policy);

}  // namespace postern::policy

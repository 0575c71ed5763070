// YAML to Config, and the checks that need configuration and policy together.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/config.h"
#include "policy/diagnostics.h"
#include "policy/load_policy.h"
#include "policy/policy.h"

namespace postern::policy {

struct LoadedConfig {
  std::optional<Config> config;  // none if there are errors
  Diagnostics diagnostics;
  bool unreadable = false;  // the file could not be read; says nothing of its content
};

// Relative paths in the file are resolved against its folder; `storage` against `state_directory`
// where that is not empty (systemd's $STATE_DIRECTORY).
LoadedConfig LoadConfig(const std::string& path, const std::string& state_directory);
LoadedConfig LoadConfigText(const SourceText& source, const std::string& state_directory);

// Whether the text is a configuration rather than a policy: a mapping with the keys `viewpoint` and
// `policy`.
bool LooksLikeConfig(const SourceText& source);

// A sentence with a suggestion where the policy defines viewpoints and `viewpoint` is none of them.
// None where it is, or is empty.
std::optional<std::string> UnknownViewpoint(const Policy& policy, std::string_view viewpoint);

// What only shows with both: a viewpoint that the policy does not name, a canary that is a host of
// the policy, fewer than two canaries in a family, a discover scan without networks and the
// reverse.
Diagnostics CrossCheck(const Config& config, const SourceText& config_source, const Policy& policy);

// One warning for each file of a receiver's secrets and certificates that cannot be used, and for
// each such file of the web configuration's TLS. A daemon must not start with any of them.
Diagnostics CheckSecrets(const Config& config, const SourceText& config_source);

// A configuration with the policy that it names.
struct LoadedSetup {
  std::optional<Config> config;          // none if there are errors in it
  std::shared_ptr<const Policy> policy;  // null if there are errors in either
  Diagnostics config_diagnostics;        // of it, the web configuration and of both together
  Diagnostics policy_diagnostics;
  bool unreadable = false;  // one of the files could not be read

  bool ok() const {
    return config && policy && !config_diagnostics.HasErrors() && !policy_diagnostics.HasErrors();
  }
};

// Loads both, and the web configuration, and cross-checks them; CheckSecrets() is left to the
// caller.
LoadedSetup LoadSetup(const SourceText& config_source, const std::string& state_directory,
                      std::chrono::sys_days today);

}  // namespace postern::policy

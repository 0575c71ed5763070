#include "daemon/setup.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace postern::daemon {
namespace {

// CrossCheck shows lines of the configuration; that it can be read was seen by LoadConfig.
policy::SourceText ReadSource(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return {path, text.str()};
}

}  // namespace

bool Setup::MayProbe(const IpAddress& address, TimePoint now) const {
  const auto& quiet = config.limits.quiet_hours;
  return policy->MayProbe(address, config.viewpoint) &&
         std::none_of(quiet.begin(), quiet.end(),
                      [&](const policy::QuietHours& hours) { return hours.Contains(now); });
}

LoadedSetup LoadSetup(const std::string& config_path, const std::string& state_directory,
                      std::chrono::sys_days today) {
  LoadedSetup loaded;
  auto config = policy::LoadConfig(config_path, state_directory);
  loaded.diagnostics = config.diagnostics;
  if (!config.config) return loaded;

  auto policy = policy::LoadPolicy(config.config->policy_path, today);
  loaded.diagnostics.Add(policy.diagnostics);
  if (!policy.policy) return loaded;

  loaded.diagnostics.Add(
      policy::CrossCheck(*config.config, ReadSource(config_path), *policy.policy));
  if (loaded.diagnostics.HasErrors()) return loaded;
  loaded.setup =
      std::make_shared<const Setup>(Setup{std::move(*config.config), std::move(policy.policy)});
  return loaded;
}

}  // namespace postern::daemon

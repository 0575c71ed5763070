// postern explain HOST PROTO/PORT: which rule of the policy decides, and why.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "core/port_set.h"
#include "core/time.h"
#include "policy/explain.h"
#include "policy/load_config.h"
#include "policy/load_policy.h"

namespace postern::cli {
namespace {

struct Options {
  std::string host;
  std::string port;
  std::string policy;
  std::string config;
  std::string viewpoint;
};

int Fail(int status, const std::string& message) {
  std::cerr << "postern explain: " << message << "\n";
  return status;
}

int FailToLoad(const policy::Diagnostics& diagnostics, bool unreadable) {
  std::cerr << diagnostics.Render();
  return unreadable ? kCouldNotTell : kFound;
}

int ExplainPort(const Options& options, const policy::Policy& policy, std::chrono::sys_days today) {
  const auto ports = PortSet::Parse(options.port, PortSet::BarePorts::kAreAnError);
  if (!ports) return Fail(kCouldNotTell, ports.error().message);
  if (ports->size() != 1) return Fail(kCouldNotTell, "name one port, such as tcp/443");
  const auto target = policy::FindTarget(policy, options.host);
  if (!target) return Fail(kFound, target.error().message);
  if (const auto unknown = policy::UnknownViewpoint(policy, options.viewpoint)) {
    return Fail(kFound, *unknown);
  }
  std::cout << policy::ExplainText(policy, *target, ports->At(0), options.viewpoint, today);
  return kNothingFound;
}

int Explain(Options options) {
  const auto today = std::chrono::floor<std::chrono::days>(SystemClock().Now());
  if (options.policy.empty() && options.config.empty()) {
    return Fail(kCouldNotTell, "name the policy with --policy or the configuration with --config");
  }
  if (!options.config.empty()) {
    const auto loaded = policy::LoadConfig(options.config, "");
    if (!loaded.config) return FailToLoad(loaded.diagnostics, loaded.unreadable);
    if (options.policy.empty()) options.policy = loaded.config->policy_path;
    if (options.viewpoint.empty()) options.viewpoint = loaded.config->viewpoint;
  }
  const auto loaded = policy::LoadPolicy(options.policy, today);
  if (!loaded.policy) return FailToLoad(loaded.diagnostics, loaded.unreadable);
  return ExplainPort(options, *loaded.policy, today);
}

}  // namespace

void AddExplainCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("explain", "Say which rule decides a port, and why");
  auto options = std::make_shared<Options>();
  command
      ->add_option("HOST", options->host,
                   "Host of the policy, or one of its addresses or DNS names")
      ->required();
  command->add_option("PORT", options->port, "Port with its protocol, such as tcp/443")->required();
  command->add_option("--policy", options->policy, "Policy file or folder");
  command->add_option("--viewpoint", options->viewpoint, "From there only (default: from each)");
  command->add_option("--config", options->config, "Take policy and viewpoint from here");
  command->callback([options, &status] { status = Explain(*options); });
}

}  // namespace postern::cli

// postern check FILE...: policies, policy folders and configurations, told apart by their content.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "core/counted.h"
#include "core/time.h"
#include "policy/load_config.h"
#include "policy/load_policy.h"

namespace postern::cli {
namespace {

using policy::Diagnostic;
using policy::Diagnostics;

struct Checked {
  Diagnostics diagnostics;
  std::string summary;  // of a good file: "3 hosts, 6 rules"
  bool unreadable = false;
};

std::string Summary(const policy::Policy& policy) {
  std::size_t rules = 0;
  for (const auto& [name, role] : policy.roles) rules += role.size();
  for (const auto& host : policy.hosts) rules += host.expect.size();
  return Counted(policy.hosts.size(), "host") + ", " + Counted(rules, "rule");
}

// " over ipv4 only", or empty where the viewpoint has both families.
std::string FamiliesOf(const policy::Policy& policy, const std::string& viewpoint) {
  std::string only;
  for (const auto family : kFamilies) {
    if (!policy.HasFamily(viewpoint, family)) continue;
    if (!only.empty()) return "";
    only = " over " + std::string(ToString(family)) + " only";
  }
  return only;
}

std::string StateDirectory() {
  const char* directory = std::getenv("STATE_DIRECTORY");
  return directory != nullptr ? directory : "";
}

Checked CheckConfig(const policy::SourceText& source, std::chrono::sys_days today) {
  const auto setup = policy::LoadSetup(source, StateDirectory(), today);
  Checked checked;
  checked.diagnostics = setup.config_diagnostics;
  checked.diagnostics.Add(setup.policy_diagnostics);
  checked.unreadable = setup.unreadable;
  if (setup.config) checked.diagnostics.Add(policy::CheckSecrets(*setup.config, source));
  if (setup.ok()) {
    checked.summary = "viewpoint " + setup.config->viewpoint +
                      FamiliesOf(*setup.policy, setup.config->viewpoint) + ", " +
                      Counted(setup.config->scans.size(), "scan") + ", policy of " +
                      Summary(*setup.policy);
  }
  return checked;
}

Checked CheckPolicyAt(policy::LoadedPolicy loaded) {
  Checked checked;
  checked.diagnostics = std::move(loaded.diagnostics);
  checked.unreadable = loaded.unreadable;
  if (loaded.policy) checked.summary = Summary(*loaded.policy);
  return checked;
}

Checked CheckPath(const std::string& path, std::chrono::sys_days today) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return CheckPolicyAt(policy::LoadPolicy(path, today));
  }
  const auto source = policy::ReadSourceText(path);
  if (!source) return CheckPolicyAt(policy::LoadPolicy(path, today));
  if (policy::LooksLikeConfig(*source)) return CheckConfig(*source, today);
  return CheckPolicyAt(policy::LoadPolicyTexts({*source}, today));
}

// Prints what was found and gives the exit status for this file.
int Report(const std::string& path, const Checked& checked) {
  std::cerr << checked.diagnostics.Render();
  if (checked.unreadable) return kCouldNotTell;
  if (checked.diagnostics.HasErrors()) return kFound;
  std::cout << path << ": ok (" << checked.summary << ", "
            << Counted(checked.diagnostics.Count(Diagnostic::Level::kWarning), "warning") << ")\n";
  return kNothingFound;
}

int CheckAll(const std::vector<std::string>& paths) {
  const auto today = std::chrono::floor<std::chrono::days>(SystemClock().Now());
  std::vector<int> statuses;
  statuses.reserve(paths.size());
  for (const auto& path : paths) statuses.push_back(Report(path, CheckPath(path, today)));
  const auto has = [&](int status) {
    return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
  };
  if (has(kFound)) return kFound;
  return has(kCouldNotTell) ? kCouldNotTell : kNothingFound;
}

}  // namespace

void AddCheckCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("check", "Validate policies and configurations");
  auto paths = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *paths, "Policy, folder of policy files, or configuration")
      ->required();
  command->callback([paths, &status] { status = CheckAll(*paths); });
}

}  // namespace postern::cli

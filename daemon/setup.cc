#include "daemon/setup.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/http_url.h"
#include "core/log.h"

namespace postern::daemon {
namespace {

// To start without a secret would be to lose what its receiver should be told.
void AddAsErrors(const policy::Diagnostics& secrets, policy::Diagnostics& diagnostics) {
  for (auto problem : secrets.list()) {
    problem.level = policy::Diagnostic::Level::kError;
    diagnostics.Add(std::move(problem));
  }
}

// The machine's own name, and the one that people reach the server by.
std::vector<std::string> NamesOf(const policy::Config& config) {
  std::vector<std::string> names;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) names.emplace_back(name.data());
  const auto url = HttpUrl::Parse(config.external_url);
  if (url) names.push_back(url->host);
  return names;
}

void Secure(const policy::Config& config, LoadedSetup& loaded) {
  const auto& web = config.web;
  auto watch = WebWatch::Begin(web, NamesOf(config));
  if (watch) {
    loaded.web_watch = *std::move(watch);
    return;
  }
  loaded.diagnostics.Add({.where = web.where,
                          .message = web.config_file + ": " + watch.error().message,
                          .line = {},
                          .notes = {}});
}

}  // namespace

bool Setup::IsQuiet(TimePoint now) const {
  return std::ranges::any_of(config.limits.quiet_hours, [now](const policy::QuietHours& hours) {
    return hours.Contains(now);
  });
}

bool Setup::MayProbe(const IpAddress& address, TimePoint now) const {
  return policy->MayProbe(address, config.viewpoint) && !IsQuiet(now);
}

LoadedSetup LoadSetup(const std::string& config_path, const std::string& state_directory,
                      std::chrono::sys_days today, Secrets secrets) {
  LoadedSetup loaded;
  const auto source = policy::ReadSourceText(config_path);
  if (!source) {
    loaded.unreadable = config_path + ": " + source.error().message;
    return loaded;
  }
  auto setup = policy::LoadSetup(*source, state_directory, today);
  loaded.diagnostics = setup.config_diagnostics;
  loaded.diagnostics.Add(setup.policy_diagnostics);
  if (setup.config && secrets == Secrets::kNeeded) {
    AddAsErrors(policy::CheckSecrets(*setup.config, *source), loaded.diagnostics);
    if (!loaded.diagnostics.HasErrors()) Secure(*setup.config, loaded);
  }
  if (setup.unreadable) loaded.unreadable = loaded.diagnostics.Render();
  if (!setup.ok() || loaded.diagnostics.HasErrors()) return loaded;
  loaded.setup =
      std::make_shared<const Setup>(Setup{std::move(*setup.config), std::move(setup.policy)});
  return loaded;
}

std::string LoadedSetup::Problems() const {
  return unreadable.empty() ? diagnostics.Render() : unreadable;
}

void LogProblems(const LoadedSetup& loaded) {
  if (loaded.diagnostics.list().empty() && !loaded.unreadable.empty()) {
    return Log(LogLevel::kError, loaded.unreadable);
  }
  LogDiagnostics(loaded.diagnostics);
}

void LogDiagnostics(const policy::Diagnostics& diagnostics) {
  for (const auto& one : diagnostics.list()) {
    const bool is_error = one.level == policy::Diagnostic::Level::kError;
    Log(is_error ? LogLevel::kError : LogLevel::kWarning, one.message,
        {{"at", ToString(one.where)}, {"line", one.line}});
  }
}

}  // namespace postern::daemon

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/counted.h"
#include "core/log.h"
#include "core/time.h"
#include "daemon/daemon.h"
#include "daemon/setup.h"

namespace {

using postern::daemon::DaemonOptions;

// Exit status as everywhere in Postern: 1 for invalid input, 2 for what could not be done.
constexpr int kInvalid = 1;
constexpr int kCannot = 2;

int CheckConfig(const DaemonOptions& options) {
  const auto today = std::chrono::floor<std::chrono::days>(postern::SystemClock().Now());
  const auto loaded = postern::daemon::LoadSetup(options.config_path, options.state_directory,
                                                 today, postern::daemon::Secrets::kNeeded);
  std::fprintf(stderr, "%s\n", loaded.Problems().c_str());
  if (!loaded.unreadable.empty()) return kCannot;
  if (!loaded.setup) return kInvalid;
  std::printf("%s: ok (%s)\n", options.config_path.c_str(),
              postern::Counted(loaded.setup->policy->hosts.size(), "host").c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Watches what a network really exposes, compares it with a policy and reports every drift.\n"
      "SIGHUP reloads configuration and policy, SIGTERM stops.",
      "posternd"};
  DaemonOptions options;
  if (const char* directory = std::getenv("STATE_DIRECTORY")) options.state_directory = directory;
  bool check_only = false;
  app.add_option("--config", options.config_path, "the configuration file")
      ->default_val("/etc/postern/posternd.yaml")
      ->type_name("FILE");
  app.add_flag("--check-config", check_only,
               "read configuration and policy, report every error, and exit");
  app.set_version_flag("--version", "posternd " POSTERN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kCannot;
  }

  if (check_only) return CheckConfig(options);
  const auto run = postern::daemon::RunDaemon(options);
  if (run) return 0;
  postern::Log(postern::LogLevel::kError, "posternd cannot run", {{"detail", run.error().message}});
  return kCannot;
}

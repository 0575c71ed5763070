#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "core/counted.h"
#include "core/log.h"
#include "core/standard_streams.h"
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

int Run(const DaemonOptions& options) {
  std::string why;
  try {
    const auto run = postern::daemon::RunDaemon(options);
    if (run) return 0;
    why = run.error().message;
  } catch (const std::exception& error) {  // no memory, or no further thread
    why = error.what();
  }
  postern::Log(postern::LogLevel::kError, "posternd cannot run", {{"detail", why}});
  return kCannot;
}

}  // namespace

int main(int argc, char** argv) {
  postern::OccupyStandardDescriptors();
  // A peer or a reader of the log that goes away is an error of the write, not the end of the
  // daemon.
  std::signal(SIGPIPE, SIG_IGN);
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

  const int status = check_only ? CheckConfig(options) : Run(options);
  const auto written = postern::FlushStandardOutput();
  if (written) return status;
  std::fprintf(stderr, "posternd: %s\n", written.error().message.c_str());
  return kCannot;
}

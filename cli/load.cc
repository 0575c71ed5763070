#include "cli/load.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "cli/commands.h"

namespace postern::cli {

void AddConfigOption(CLI::App& command, std::string& path) {
  command.add_option("--config", path, "the daemon's configuration file")
      ->default_val(kDefaultConfig)
      ->type_name("FILE");
}

CommandSetup LoadForCommand(const std::string& config_path) {
  const char* state_directory = std::getenv("STATE_DIRECTORY");
  const auto today = std::chrono::floor<std::chrono::days>(SystemClock().Now());
  auto loaded = daemon::LoadSetup(config_path, state_directory ? state_directory : "", today,
                                  daemon::Secrets::kNotNeeded);
  if (loaded.setup) return {loaded.setup, kNothingFound};
  std::fprintf(stderr, "%s\n", loaded.Problems().c_str());
  if (loaded.unreadable.empty()) return {nullptr, kFound};
  std::fputs("postern: name the daemon's configuration with --config FILE\n", stderr);
  return {nullptr, kCouldNotTell};
}

}  // namespace postern::cli

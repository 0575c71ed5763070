#include "cli/load.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cli/commands.h"

namespace postern::cli {

void AddConfigOption(CLI::App& command, std::string& path) {
  command.add_option("--config", path, "the daemon's configuration file")
      ->default_val("/etc/postern/posternd.yaml")
      ->type_name("FILE");
}

CommandSetup LoadForCommand(const std::string& config_path) {
  std::error_code error;
  if (!std::filesystem::exists(config_path, error)) {
    std::fprintf(stderr, "postern: there is no %s; name the configuration with --config FILE\n",
                 config_path.c_str());
    return {nullptr, kCouldNotTell};
  }
  const char* state_directory = std::getenv("STATE_DIRECTORY");
  const auto today = std::chrono::floor<std::chrono::days>(SystemClock().Now());
  auto loaded = daemon::LoadSetup(config_path, state_directory ? state_directory : "", today);
  if (!loaded.setup) std::fputs(loaded.diagnostics.Render().c_str(), stderr);
  return {loaded.setup, loaded.setup ? kNothingFound : kFound};
}

}  // namespace postern::cli

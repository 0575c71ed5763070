// The configuration that a command reads, with its errors shown.
#pragma once

#include <memory>
#include <string>

#include "daemon/setup.h"

namespace CLI {
class App;
}

namespace postern::cli {

struct CommandSetup {
  std::shared_ptr<const daemon::Setup>
      setup;  // null: what is wrong was printed; exit with `status`
  int status = 0;
};

inline constexpr const char* kDefaultConfig = "/etc/postern/posternd.yaml";

// `--config FILE`, by default /etc/postern/posternd.yaml.
void AddConfigOption(CLI::App& command, std::string& path);

// Prints what is wrong to standard error. Warnings are the business of `postern check`.
CommandSetup LoadForCommand(const std::string& config_path);

}  // namespace postern::cli

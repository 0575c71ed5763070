// postern, the operator's tool: finds the subcommand and exits with its status.
#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace {

constexpr const char* kDescription =
    "Watches what a network really exposes, and compares it with a policy.";

constexpr const char* kFooter =
    "Exit status: 0 nothing found, 1 proven drift, a difference or invalid input, 2 could not "
    "tell.\n"
    "\n"
    "Examples:\n"
    "  postern check policy.yaml\n"
    "  postern plan --config posternd.yaml\n"
    "  postern scan --ports all 127.0.0.1 ::1\n"
    "  postern drift --policy policy.yaml --viewpoint public\n"
    "  postern explain web-1 tcp/443 --policy policy.yaml\n"
    "  postern findings list --config posternd.yaml\n"
    "\n"
    "postern COMMAND --help tells the options of a command.";

}  // namespace

int main(int argc, char** argv) {
  using namespace postern::cli;
  CLI::App app(kDescription, "postern");
  app.footer(kFooter);
  app.set_version_flag("--version", "postern " POSTERN_VERSION);
  app.require_subcommand(1);
  int status = kNothingFound;
  AddCheckCommand(app, status);
  AddPlanCommand(app, status);
  AddScanCommand(app, status);
  AddDriftCommand(app, status);
  AddExplainCommand(app, status);
  AddFindingsCommand(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kNothingFound : kCouldNotTell;
  }
  return status;
}

// postern, the operator's tool: finds the subcommand and exits with its status.
#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "core/standard_streams.h"

namespace {

using namespace postern::cli;

constexpr const char* kDescription =
    "Watches what a network really exposes, and compares it with a policy.";

constexpr std::array<std::pair<const char*, const char*>, 13> kExamples = {{
    {"check", "postern check policy.yaml posternd.yaml"},
    {"plan", "postern plan --config posternd.yaml"},
    {"scan", "postern scan --ports all 127.0.0.1 ::1"},
    {"drift", "postern drift --policy policy.yaml --viewpoint public"},
    {"diff", "postern diff before.jsonl after.jsonl"},
    {"init", "postern init --from before.jsonl --output policy.yaml"},
    {"explain", "postern explain web-1 tcp/443 --policy policy.yaml"},
    {"findings", "postern findings list --config posternd.yaml"},
    {"pause", "postern pause --for 2h --config posternd.yaml"},
    {"status", "postern status --config posternd.yaml"},
    {"history", "postern history web-1 tcp/443 --config posternd.yaml"},
    {"export", "postern export 42 --format nmap-xml --config posternd.yaml"},
    {"import", "postern import before.xml --config posternd.yaml"},
}};

// After the commands were added: they would inherit the program's own footer.
void AddFooters(CLI::App& app) {
  std::string footer =
      "Exit status: 0 nothing found, 1 proven drift, a difference or invalid input, 2 could not "
      "tell.\n\nExamples:\n";
  for (const auto& [name, example] : kExamples) {
    footer += std::string("  ") + example + "\n";
    auto* command = app.get_subcommand(name);
    if (command->get_footer().empty()) command->footer(std::string("Example:\n  ") + example);
  }
  app.footer(footer + "\npostern COMMAND --help tells the options of a command.");
}

int RunCommand(int argc, char** argv) {
  CLI::App app(kDescription, "postern");
  app.set_version_flag("--version", "postern " POSTERN_VERSION);
  app.require_subcommand(1);
  int status = kNothingFound;
  AddCheckCommand(app, status);
  AddPlanCommand(app, status);
  AddScanCommand(app, status);
  AddDriftCommand(app, status);
  AddDiffCommand(app, status);
  AddInitCommand(app, status);
  AddExplainCommand(app, status);
  AddFindingsCommand(app, status);
  AddPauseCommands(app, status);
  AddHistoryCommand(app, status);
  AddExportCommand(app, status);
  AddImportCommand(app, status);
  AddFooters(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kNothingFound : kCouldNotTell;
  } catch (const std::exception& error) {  // no memory, or no further thread
    std::fprintf(stderr, "postern: %s\n", error.what());
    return kCouldNotTell;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  postern::OccupyStandardDescriptors();
  // A reader such as `head` that has enough ends the command without a word, as it ends others. The
  // caller may have set the signal to be ignored, as systemd does for services.
  std::signal(SIGPIPE, SIG_DFL);
  const int status = RunCommand(argc, argv);
  const auto written = postern::FlushStandardOutput();
  if (written) return status;
  std::fprintf(stderr, "postern: %s\n", written.error().message.c_str());
  return kCouldNotTell;
}

// The subcommands of `postern`, one file each. Each Add function describes its options to the
// parser; when the command was chosen its callback runs it and sets `status` to the program's exit
// status.
#pragma once

namespace CLI {
class App;
}

namespace postern::cli {

// Exit status of every command.
inline constexpr int kNothingFound = 0;
inline constexpr int kFound = 1;         // proven drift, a difference, or invalid input
inline constexpr int kCouldNotTell = 2;  // usage, I/O, no privilege, incomplete with nothing proven

void AddCheckCommand(CLI::App& app, int& status);
void AddPlanCommand(CLI::App& app, int& status);
void AddScanCommand(CLI::App& app, int& status);
void AddDriftCommand(CLI::App& app, int& status);
void AddDiffCommand(CLI::App& app, int& status);
void AddInitCommand(CLI::App& app, int& status);
void AddExplainCommand(CLI::App& app, int& status);
void AddFindingsCommand(CLI::App& app, int& status);
void AddRecheckCommand(CLI::App& findings, int& status);
// `findings ack` and `findings reopen`.
void AddAcknowledgeCommands(CLI::App& findings, int& status);
// `findings undelivered` and `findings redeliver`.
void AddDeadLetterCommands(CLI::App& findings, int& status);
// `pause`, `resume` and `status`.
void AddPauseCommands(CLI::App& app, int& status);
void AddHistoryCommand(CLI::App& app, int& status);
void AddExportCommand(CLI::App& app, int& status);
void AddImportCommand(CLI::App& app, int& status);

}  // namespace postern::cli

// postern diff OLD NEW: what changed between two scans.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <future>
#include <iostream>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/diff_text.h"
#include "cli/load.h"
#include "cli/output_file.h"
#include "cli/scan_source.h"
#include "exporters/escape.h"

namespace postern::cli {
namespace {

constexpr const char* kFooter =
    "OLD and NEW are each the number of a snapshot in the daemon's database, a file of\n"
    "`postern scan --format jsonl`, or nmap XML (nmap -oX, postern scan --format nmap-xml).\n"
    "\n"
    "Compared are the endpoints that both asked and know: states, and services where both sides\n"
    "identified one. What a side does not know is no difference, and a host that only one side\n"
    "asked is none either; standard error says how many there are.\n"
    "\n"
    "Exit status: 0 no difference, 1 differences, 2 could not tell (a file cannot be read whole,\n"
    "nothing is comparable, or nothing differs but not everything is known).\n"
    "\n"
    "A firewall change, verified by before and after:\n"
    "  postern scan --ports all --format jsonl --output before.jsonl 192.0.2.0/28\n"
    "  ... change the firewall ...\n"
    "  postern scan --ports all --format jsonl --output after.jsonl 192.0.2.0/28\n"
    "  postern diff before.jsonl after.jsonl";

struct Options {
  std::string before;
  std::string after;
  std::string format = "text";
  std::string config;
};

void Say(const std::string& message) {
  std::cerr << "postern diff: " << exporters::EscapeTerminal(message) << "\n";
}

// Each of the two reads in a thread of its own.
std::pair<Result<ObservedScan>, Result<ObservedScan>> LoadBoth(const Options& options) {
  auto before =
      std::async(std::launch::async, [&] { return LoadScan(options.before, options.config); });
  auto after = LoadScan(options.after, options.config);
  return {before.get(), std::move(after)};
}

void SayIncomplete(const std::string& source, const ObservedScan& scan) {
  if (!scan.snapshot.coverage.complete) Say(source + " is of a scan that did not ask everything");
}

// A run that could not be believed says nothing of its targets.
void ForgetBlindFamilies(const std::string& source, ObservedScan& scan) {
  const auto& coverage = scan.snapshot.coverage;
  for (const auto family : kFamilies) {
    if (coverage.Trusted(family)) continue;
    Say(source + " was blind over " + std::string(ToString(family)) + ": left out");
    std::erase_if(scan.snapshot.addresses,
                  [&](const AddressStates& states) { return states.address.family() == family; });
  }
}

int StatusOf(const drift::ScanDiff& diff, bool complete) {
  if (!diff.changes.empty()) return kFound;
  const bool everything = complete && diff.endpoints > 0 && diff.unknown == 0;
  return everything ? kNothingFound : kCouldNotTell;
}

int RunDiff(const Options& options) {
  auto [before, after] = LoadBoth(options);
  for (const auto* scan : {&before, &after}) {
    if (!*scan) Say(scan->error().message);
  }
  if (!before || !after) return kCouldNotTell;
  ForgetBlindFamilies(options.before, *before);
  ForgetBlindFamilies(options.after, *after);
  const auto diff = drift::Diff(*before, *after);
  const auto text =
      options.format == "jsonl" ? DiffJsonLines(diff) : DiffText(diff, *before, *after);
  if (const auto written = WriteAll(STDOUT_FILENO, text); !written) {
    Say("cannot write the differences: " + written.error().message);
    return kCouldNotTell;
  }
  SayIncomplete(options.before, *before);
  SayIncomplete(options.after, *after);
  std::cerr << DiffSummary(diff);
  if (diff.endpoints == 0) Say("nothing to compare: no endpoint was asked by both, and is known");
  return StatusOf(diff, before->snapshot.coverage.complete && after->snapshot.coverage.complete);
}

}  // namespace

void AddDiffCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("diff", "What changed between two scans");
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  command->add_option("OLD", options->before, "snapshot or file")->required();
  command->add_option("NEW", options->after, "snapshot or file")->required();
  command->add_option("--format", options->format, "text or jsonl")
      ->check(CLI::IsMember({"text", "jsonl"}))
      ->capture_default_str();
  AddConfigOption(*command, options->config);
  command->callback([options, &status] { status = RunDiff(*options); });
}

}  // namespace postern::cli

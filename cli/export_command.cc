// postern export SNAPSHOT|FILE: a stored scan in another format.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output_file.h"
#include "cli/scan_source.h"
#include "exporters/escape.h"
#include "exporters/nmap_xml.h"
#include "exporters/scan_csv.h"
#include "exporters/scan_jsonl.h"

namespace postern::cli {
namespace {

constexpr const char* kFooter =
    "What is exported can be read again by `postern diff`, `drift --from`, `init` and `import` "
    "(CSV\n"
    "is for people). A scan file can stand in place of a snapshot, to convert it.\n"
    "\n"
    "CSV has a row for each range of ports in the same state; cells that a spreadsheet would take\n"
    "for a formula begin with an apostrophe.\n"
    "\n"
    "Examples:\n"
    "  postern export 42 --format nmap-xml --output 42.xml\n"
    "  postern export before.xml --format csv";

using Formatter = std::string (*)(const exporters::ScanReport&);

const std::map<std::string, Formatter> kFormatters = {
    {"jsonl", exporters::FormatScanJsonLines},
    {"nmap-xml", exporters::FormatNmapXml},
    {"csv", exporters::FormatScanCsv},
};

struct Options {
  std::string source;
  std::string format = "jsonl";
  std::string output;
  std::string config;
};

int Fail(const std::string& message) {
  std::cerr << "postern export: " << exporters::EscapeTerminal(message) << "\n";
  return kCouldNotTell;
}

exporters::ScanReport ReportOf(ObservedScan scan, const std::string& source) {
  exporters::ScanReport report;
  const auto& run = scan.snapshot.run;
  report.elapsed = std::max(Duration(0), run.finished - run.started);
  report.arguments = {"postern", "export", source};
  report.snapshot = std::move(scan.snapshot);
  report.names = std::move(scan.names);
  return report;
}

int Export(const Options& options) {
  auto scan = LoadScan(options.source, options.config);
  if (!scan) return Fail(scan.error().message);
  std::optional<OutputFile> file;
  if (!options.output.empty()) {
    auto created = OutputFile::Create(options.output);
    if (!created) return Fail(created.error().message);
    file.emplace(std::move(*created));
  }
  const auto text = kFormatters.at(options.format)(ReportOf(std::move(*scan), options.source));
  const auto written = file ? file->Commit(text) : WriteAll(STDOUT_FILENO, text);
  return written ? kNothingFound : Fail(written.error().message);
}

}  // namespace

void AddExportCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("export", "Write a stored snapshot as a file");
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  command->add_option("SNAPSHOT", options->source, "the number of a snapshot, or a scan file")
      ->required();
  command->add_option("--format", options->format, "jsonl, nmap-xml or csv (default: jsonl)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(kFormatters));
  command->add_option("--output", options->output, "write there, not to standard output")
      ->type_name("FILE");
  AddConfigOption(*command, options->config);
  command->callback([options, &status] { status = Export(*options); });
}

}  // namespace postern::cli

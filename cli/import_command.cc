// postern import FILE: a scan file as a snapshot of the store.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/load.h"
#include "exporters/escape.h"
#include "formats/scan_file.h"
#include "storage/store.h"

namespace postern::cli {
namespace {

constexpr const char* kFooter =
    "Stores nmap XML or the JSON lines of `postern scan` as a snapshot, and prints its number for\n"
    "`postern diff`, `drift --from`, `init` and `export`. It is no observation of this viewpoint:\n"
    "findings, metrics and what is known of the hosts stay as they are. Its name is import:FILE.\n"
    "Retention counts from the time of the scan. Names and services are not stored.\n"
    "\n"
    "One program writes to a database at a time: stop posternd (`systemctl stop posternd`), "
    "import,\n"
    "and start it again; or name a configuration with a database of its own, which stops nothing.\n"
    "\n"
    "Example:\n"
    "  postern import before.xml --config posternd.yaml";

struct Options {
  std::string file;
  std::string config;
};

int Fail(const std::string& message) {
  std::cerr << "postern import: " << exporters::EscapeTerminal(message) << "\n";
  return kCouldNotTell;
}

// The colon keeps the name apart from those of configured scans.
std::string ScanName(const std::string& path) {
  return "import:" + std::filesystem::path(path).filename().string();
}

Snapshot ImportOf(ObservedScan scan, const std::string& path) {
  Snapshot snapshot = std::move(scan.snapshot);
  snapshot.run.scan = ScanName(path);
  snapshot.run.stage = Stage::kImport;
  snapshot.run.viewpoint.clear();
  snapshot.run.policy_hash.clear();
  // Nothing is known from this viewpoint by it: the store keeps it apart, as it does with a run
  // that saw nothing.
  snapshot.coverage.blind = {true, true};
  return snapshot;
}

Result<std::int64_t> Store(const std::string& path, Snapshot snapshot) {
  auto store = storage::Store::Open(path, storage::Access::kWrite);
  if (!store) {
    return Error{store.error().message +
                 "; or import into another database: --config FILE with a `storage` of its own"};
  }
  const auto run = (*store)->BeginRun(snapshot.run);
  if (!run) return run.error();
  snapshot.run.id = *run;
  storage::Changes changes;
  changes.snapshot = &snapshot;
  if (auto committed = (*store)->Commit(changes); !committed) return committed.error();
  return *run;
}

int Import(const Options& options) {
  auto scan = formats::ReadScanFile(options.file);
  if (!scan) return Fail(scan.error().message);
  const auto loaded = LoadForCommand(options.config);
  if (!loaded.setup) return kCouldNotTell;
  const auto& seen_from = scan->snapshot.run.viewpoint;
  const auto& viewpoint = loaded.setup->config.viewpoint;
  if (!seen_from.empty() && seen_from != viewpoint) {
    return Fail(options.file + " was seen from viewpoint '" + seen_from +
                "', and the configuration is of '" + viewpoint +
                "'; import it into the database of its own viewpoint");
  }
  if (scan->snapshot.addresses.empty())
    return Fail(options.file + " has no host whose ports were asked");
  const auto run =
      Store(loaded.setup->config.storage_path, ImportOf(std::move(*scan), options.file));
  if (!run) return Fail(run.error().message);
  std::printf("%lld\n", static_cast<long long>(*run));
  return kNothingFound;
}

}  // namespace

void AddImportCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("import", "Store a scan file as a snapshot");
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "nmap XML, or JSON lines of `postern scan`")
      ->required();
  AddConfigOption(*command, options->config);
  command->callback([options, &status] { status = Import(*options); });
}

}  // namespace postern::cli

#include "cli/scan_source.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "cli/load.h"
#include "core/parse_number.h"
#include "formats/scan_file.h"
#include "storage/store.h"

namespace postern::cli {
namespace {

Result<ObservedScan> LoadSnapshot(std::int64_t run, const std::string& config) {
  const auto loaded = LoadForCommand(config);
  if (!loaded.setup) {
    return Error{"snapshot " + std::to_string(run) + " is in a database that " + config +
                 " should name; a file of that name is written ./" + std::to_string(run)};
  }
  const auto store =
      storage::Store::Open(loaded.setup->config.storage_path, storage::Access::kRead);
  if (!store) return store.error();
  auto snapshot = (*store)->LoadSnapshot(run);
  if (!snapshot) return snapshot.error();
  ObservedScan scan;
  scan.snapshot = std::move(*snapshot);
  // An import is marked blind, so that the store takes it for no observation of this viewpoint;
  // what was imported is as good as its file.
  if (scan.snapshot.run.stage == Stage::kImport) scan.snapshot.coverage.blind = {};
  for (const auto& states : scan.snapshot.addresses) {
    const auto* host = loaded.setup->policy->HostOf(states.address);
    if (host != nullptr) scan.names[states.address].push_back(host->name);
  }
  return scan;
}

}  // namespace

Result<ObservedScan> LoadScan(const std::string& source, const std::string& config) {
  const bool is_number = !source.empty() && std::all_of(source.begin(), source.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
  if (!is_number) return formats::ReadScanFile(source);
  const auto run = ParseDecimal(source, 1, std::numeric_limits<std::int64_t>::max());
  if (!run)
    return Error{"'" + source + "' is no number of a snapshot; a file is written ./" + source};
  return LoadSnapshot(static_cast<std::int64_t>(*run), config);
}

}  // namespace postern::cli

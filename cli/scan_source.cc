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

// The names that led to the scan's addresses when its run looked, or later.
Result<void> AddDnsNames(const storage::Store& store, ObservedScan& scan) {
  const auto memory = store.Names();
  if (!memory) return memory.error();
  for (const auto& [name, addresses] : *memory) {
    for (const auto& [address, seen] : addresses) {
      // Of what is seen again soon, the time is not written anew.
      const bool led_there = seen + kNameMemoryStep >= scan.snapshot.run.started;
      if (!led_there || scan.snapshot.Find(address) == nullptr) continue;
      auto& names = scan.names[address];
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return {};
}

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
  scan.ports_secret = (*store)->ports_secret();
  // An import is marked blind, so that the store takes it for no observation of this viewpoint;
  // what was imported is as good as its file.
  if (scan.snapshot.run.stage == Stage::kImport) scan.snapshot.coverage.blind = {};
  for (const auto& states : scan.snapshot.addresses) {
    const auto* host = loaded.setup->policy->HostOf(states.address);
    if (host != nullptr) scan.names[states.address].push_back(host->name);
  }
  if (auto named = AddDnsNames(**store, scan); !named) return named.error();
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

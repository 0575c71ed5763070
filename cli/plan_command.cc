#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "cli/commands.h"
#include "cli/load.h"
#include "core/counted.h"
#include "daemon/budget.h"
#include "daemon/targets.h"
#include "exporters/escape.h"
#include "exporters/scan_report.h"
#include "storage/store.h"

namespace postern::cli {
namespace {

// The newest run of every scan is among these, unless one is hours behind the others.
constexpr std::int64_t kRunsToLookAt = 500;

std::string Span(double seconds) {
  // Rounded up to a unit that reads well.
  const auto whole = static_cast<long long>(seconds + 0.999);
  if (whole < 120) return std::to_string(whole) + "s";
  if (whole < 7200) return std::to_string((whole + 59) / 60) + "m";
  return std::to_string((whole + 3599) / 3600) + "h";
}

void PrintLastSeen(const daemon::ScanBudget& budget) {
  const auto& seen = budget.last_seen;
  std::printf(
      "  last seen   %llu answered, %llu were silent, nothing is known of %llu: %llu probes\n",
      static_cast<unsigned long long>(seen.answered), static_cast<unsigned long long>(seen.silent),
      static_cast<unsigned long long>(seen.unseen),
      static_cast<unsigned long long>(budget.expected_probes));
}

// The values that would let the scan fit.
std::string WhatWouldFit(const daemon::ScanBudget& budget) {
  std::string text = "it would with `every: " + FormatDuration(budget.would_fit.every) + "`";
  std::string caps;
  for (const auto& [key, rate] : budget.would_fit.caps) {
    caps += (caps.empty() ? "`" : " and `") + std::string(key) + ": " +
            exporters::Decimal(rate, 0) + "`";
  }
  return caps.empty() ? text : text + ", or with " + caps;
}

void PrintBudget(const daemon::ScanBudget& budget) {
  std::printf("%s (%s)\n", budget.scan.c_str(), std::string(ToString(budget.stage)).c_str());
  if (budget.stage == Stage::kDiscover) {
    std::printf("  addresses   %llu one by one, and %s by multicast\n",
                static_cast<unsigned long long>(budget.addresses),
                Counted(budget.links, "link").c_str());
  } else {
    std::printf("  endpoints   %llu on %s\n", static_cast<unsigned long long>(budget.endpoints),
                Counted(budget.addresses, "address").c_str());
  }
  std::printf("  probes      %llu if all answer, %llu if none does\n",
              static_cast<unsigned long long>(budget.fewest_probes),
              static_cast<unsigned long long>(budget.most_probes));
  if (budget.stage == Stage::kDiscover) {
    std::printf("              and %s of each unlisted host\n",
                Counted(budget.ports_of_unlisted, "port").c_str());
  }
  if (budget.stage != Stage::kDiscover) PrintLastSeen(budget);
  std::printf("  time        %s to %s by the limits, %s as last seen, due every %s\n",
              Span(budget.shortest_seconds).c_str(), Span(budget.longest_seconds).c_str(),
              Span(budget.expected_seconds).c_str(), Span(budget.every_seconds).c_str());
  if (budget.Fits()) {
    std::printf("  oldest      no observation is older than %s\n",
                Span(budget.oldest_seconds).c_str());
  } else {
    std::printf("  does not fit: %s\n", WhatWouldFit(budget).c_str());
  }
}

// What earlier runs show of the cost; nothing where there is no database yet.
daemon::Knowledge LoadKnowledge(const policy::Config& config, const daemon::Targets& targets) {
  daemon::Knowledge knowledge;
  std::error_code error;
  if (!std::filesystem::exists(config.storage_path, error)) return knowledge;
  const auto read = [&]() -> Result<void> {
    const auto store = storage::Store::Open(config.storage_path, storage::Access::kRead);
    if (!store) return store.error();
    auto states = (*store)->LastKnownStates(targets.Addresses());
    if (!states) return states.error();
    const auto runs = (*store)->Runs(INT64_MAX, kRunsToLookAt);
    if (!runs) return runs.error();
    knowledge.states = *std::move(states);
    for (const auto& [info, coverage] : *runs) {
      // What a slow host leaves unanswered at first is no loss.
      if (info.continues == 0) knowledge.loss.emplace(info.scan, coverage.estimated_loss);
    }
    return {};
  }();
  if (!read) {
    std::fprintf(stderr,
                 "postern: what was last seen is not known, and every port counts as silent: %s\n",
                 exporters::EscapeTerminal(read.error().message).c_str());
  }
  return knowledge;
}

// Whether all scans together fit; says so.
bool PrintTogether(const daemon::Demand& needed, const policy::Limits& limits) {
  std::printf(
      "together      up to %.1f packets a second of %.0f allowed, %.1f of %.0f to a host, "
      "%.1f of %.0f to a network\n",
      needed.rate, limits.rate, needed.host_rate, limits.host_rate, needed.network_rate,
      limits.network_rate);
  const bool fits = needed.rate <= limits.rate && needed.host_rate <= limits.host_rate &&
                    needed.network_rate <= limits.network_rate;
  if (!fits) std::printf("the limits cannot meet the schedule of all scans together\n");
  return fits;
}

int Plan(const std::string& config_path) {
  const auto loaded = LoadForCommand(config_path);
  if (!loaded.setup) return loaded.status;
  const auto& config = loaded.setup->config;
  const auto targets =
      daemon::FindTargets(*loaded.setup->policy, config.viewpoint, daemon::SystemResolver());
  for (const auto& failure : targets.failures) {
    std::fprintf(stderr, "postern: %s does not resolve (%s) and is not counted\n",
                 failure.name.c_str(), failure.error.c_str());
  }
  for (const auto family : kFamilies) {
    if (loaded.setup->policy->HasFamily(config.viewpoint, family)) continue;
    std::printf("families    viewpoint %s has no %s: nothing is asked over it\n",
                config.viewpoint.c_str(), std::string(ToString(family)).c_str());
  }
  const auto budget =
      daemon::BudgetOf(config, *loaded.setup->policy, targets, LoadKnowledge(config, targets));
  bool fits = true;
  for (const auto& scan : budget.scans) {
    PrintBudget(scan);
    fits = fits && scan.Fits();
  }
  fits = PrintTogether(budget.together, config.limits) && fits;
  return fits ? kNothingFound : kFound;
}

}  // namespace

void AddPlanCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand(
      "plan",
      "Say what the schedule costs: for each scan its endpoints, probes and time,\n"
      "how old an observation can be, and whether the limits can meet it. A port that was silent\n"
      "when it was last asked costs all tries, one that answered costs one; of one that was never\n"
      "asked the worst is assumed. What does not fit is told with values that would.\n"
      "Exit status: 0 it fits, 1 it does not or the files are invalid, 2 could not tell.");
  auto config = std::make_shared<std::string>();
  AddConfigOption(*command, *config);
  command->callback([config, &status] { status = Plan(*config); });
}

}  // namespace postern::cli

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/commands.h"
#include "cli/load.h"
#include "core/counted.h"
#include "daemon/budget.h"
#include "daemon/targets.h"

namespace postern::cli {
namespace {

std::string Span(double seconds) {
  // Rounded up to a unit that reads well.
  const auto whole = static_cast<long long>(seconds + 0.999);
  if (whole < 120) return std::to_string(whole) + "s";
  if (whole < 7200) return std::to_string((whole + 59) / 60) + "m";
  return std::to_string((whole + 3599) / 3600) + "h";
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
  std::printf("  time        %s to %s by the limits, due every %s\n",
              Span(budget.shortest_seconds).c_str(), Span(budget.longest_seconds).c_str(),
              Span(budget.every_seconds).c_str());
  if (budget.Fits()) {
    std::printf("  oldest      no observation is older than %s\n",
                Span(budget.oldest_seconds).c_str());
  } else {
    std::printf("  does not fit: raise a limit, or `every`, or ask fewer ports\n");
  }
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
  const auto budgets = daemon::BudgetOf(config, *loaded.setup->policy, targets);
  bool fits = true;
  for (const auto& budget : budgets) {
    PrintBudget(budget);
    fits = fits && budget.Fits();
  }
  const double needed = daemon::NeededRate(budgets);
  std::printf("together      up to %.1f packets a second of %.0f allowed\n", needed,
              config.limits.rate);
  if (needed > config.limits.rate) {
    std::printf("the limits cannot meet the schedule when nothing answers\n");
    fits = false;
  }
  return fits ? kNothingFound : kFound;
}

}  // namespace

void AddPlanCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand(
      "plan",
      "Say what the schedule costs: for each scan its endpoints, probes and time,\n"
      "how old an observation can be, and whether the limits can meet it.\n"
      "Exit status: 0 it fits, 1 it does not or the files are invalid, 2 could not tell.");
  auto config = std::make_shared<std::string>();
  AddConfigOption(*command, *config);
  command->callback([config, &status] { status = Plan(*config); });
}

}  // namespace postern::cli

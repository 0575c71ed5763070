// Plays rescans against the oracle and tells what came of it.
//
//   simulate DATABASE [RESCANS] [SEED]         defaults 10,000 and 1; the file must not exist
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "simulation/rescans.h"

namespace postern::simulation {
namespace {

// So many complaints say what is wrong.
constexpr std::size_t kMostShown = 40;

int Main(int argc, char** argv) {
  if (argc < 2 || std::filesystem::exists(argv[1])) {
    std::fputs("usage: simulate DATABASE [RESCANS] [SEED]; the database must not exist\n", stderr);
    return 2;
  }
  Settings settings;
  settings.database = argv[1];
  settings.rescans = argc > 2 ? std::atoi(argv[2]) : 10000;
  settings.seed = argc > 3 ? static_cast<std::uint32_t>(std::atoi(argv[3])) : 1;
  const auto report = Play(settings);
  std::printf(
      "seed %u: %d runs of %d hosts with %d endpoints each, %llu packets, loss %.0f %% each way\n"
      "%d runs ended by a restart, %d blind, %d cut off unnoticed, %d edits of the policy\n"
      "%d changes of an endpoint, %llu answering ones taken for silent\n"
      "%d faults; an address certainly absent %d times; without a fault %llu of %llu verdicts "
      "unproven\n"
      "%d findings opened, %d resolved, of these %d gone, %d events; %zu complaints\n",
      settings.seed, report.runs, kHosts, 2 * kPortCount,
      static_cast<unsigned long long>(report.packets), settings.loss * 100, report.aborted,
      report.blind, report.doubtful, report.edits, report.changes,
      static_cast<unsigned long long>(report.wrong_silence), report.faults,
      report.findings.absences, static_cast<unsigned long long>(report.unproven),
      static_cast<unsigned long long>(report.verdicts), report.findings.opened,
      report.findings.resolved, report.findings.gone, report.findings.events,
      report.complaints.size());
  for (std::size_t i = 0; i < report.complaints.size() && i < kMostShown; ++i) {
    std::printf("  %s\n", report.complaints[i].c_str());
  }
  return report.complaints.empty() ? 0 : 1;
}

}  // namespace
}  // namespace postern::simulation

int main(int argc, char** argv) { return postern::simulation::Main(argc, argv); }

// postern init: a first policy from what is observed.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/discover_targets.h"
#include "cli/interrupt.h"
#include "cli/load.h"
#include "cli/output_file.h"
#include "cli/progress_bar.h"
#include "cli/scan_source.h"
#include "cli/targets.h"
#include "core/counted.h"
#include "core/dns_name.h"
#include "exporters/escape.h"
#include "policy/draft_policy.h"
#include "scanner/method.h"

namespace postern::cli {
namespace {

constexpr const char* kFooter =
    "Writes a policy that what was observed agrees with: `postern drift --policy THAT --from "
    "SAME`\n"
    "finds nothing. Hosts where the same is open share a role; an IPv4 and an IPv6 address of one\n"
    "name are one host; the scope is the observed addresses. It is a draft: it says what is, and\n"
    "its header what to review before it says what ought to be.\n"
    "\n"
    "With --from, TARGETs choose addresses, prefixes or names of that scan; without, they are\n"
    "scanned now, at 2000 probes a second overall and 200 to a host.\n"
    "\n"
    "Exit status: 0 written, 2 could not tell (nothing is known, or the scan is incomplete: the\n"
    "policy is written all the same and lacks what was not seen).\n"
    "\n"
    "Examples:\n"
    "  postern init --from before.xml --output policy.yaml\n"
    "  postern init --ports all 192.0.2.0/28 > policy.yaml\n"
    "  postern init --discover 192.0.2.0/24 > policy.yaml";

constexpr auto kResolveDeadline = std::chrono::seconds(10);
// How often progress is told where standard error is no terminal.
constexpr auto kLineEvery = std::chrono::seconds(10);

struct Options {
  std::string from;
  std::vector<std::string> targets;
  std::string ports = "top-1000";
  bool discover = false;
  std::string output;
  std::string config;
};

void Say(const std::string& message) { std::cerr << "postern init: " << message << "\n"; }

int Fail(const std::string& message) {
  Say(message);
  return kCouldNotTell;
}

bool Matches(const std::string& target, const IpAddress& address, const ObservedScan& scan) {
  const auto prefix = Prefix::Parse(target);
  if (prefix) return prefix->Contains(address);
  const auto names = scan.names.find(address);
  return names != scan.names.end() &&
         std::ranges::any_of(names->second, [&](const std::string& name) {
           return DnsNameKey(name) == DnsNameKey(target);
         });
}

// Leaves what one of the targets means; each must mean something.
Result<void> Narrow(const std::vector<std::string>& targets, ObservedScan& scan) {
  if (targets.empty()) return {};
  auto& addresses = scan.snapshot.addresses;
  for (const auto& target : targets) {
    const bool found = std::any_of(addresses.begin(), addresses.end(), [&](const auto& states) {
      return Matches(target, states.address, scan);
    });
    if (!found) return Error{"the scan has no address or name '" + target + "'"};
  }
  std::erase_if(addresses, [&](const AddressStates& states) {
    return std::none_of(targets.begin(), targets.end(), [&](const std::string& target) {
      return Matches(target, states.address, scan);
    });
  });
  return {};
}

// Leaves of the request's addresses those that somebody answers at. Whether that is known of all.
Result<bool> NarrowToUpTargets(const PortSet& ports, const ScanTargets& targets,
                               scanner::RateLimiter& limiter, const std::stop_token& stop,
                               scanner::ScanRequest& request) {
  scanner::DiscoverRequest question;
  question.ranges = targets.prefixes;
  question.links = targets.links;
  // The arguments themselves are the scope.
  question.may_multicast = [](const Prefix&) { return true; };
  question.seed = request.seed;
  ProgressBar bar(kLineEvery);
  question.on_progress = [&bar](const scanner::ScanProgress& progress) { bar.Show(progress); };
  const auto up = FindUpTargets(question, limiter, stop);
  if (!up) return up.error();
  for (const auto& note : up->notes) Say(note);
  request.plan = {};
  request.plan.Add(up->prefixes, ports);
  return up->certain;
}

Result<ObservedScan> ScanNow(const Options& options) {
  const auto ports = PortSet::Parse(options.ports, PortSet::BarePorts::kAreTcp);
  if (!ports) return Error{"--ports: " + ports.error().message};
  auto targets = FindScanTargets(options.targets, {ports->size(), nullptr, {}, options.discover},
                                 [](const std::vector<std::string>& names) {
                                   return scanner::Resolve(names, kResolveDeadline);
                                 });
  if (!targets) return targets.error();
  scanner::ScanRequest request;
  request.plan.Add(targets->prefixes, *ports);
  request.seed = std::random_device{}();
  scanner::RateLimiter limiter({});
  const InterruptWatch interrupt;
  bool certain = true;
  if (options.discover) {
    const auto narrowed = NarrowToUpTargets(*ports, *targets, limiter, interrupt.token(), request);
    if (!narrowed) return narrowed.error();
    certain = *narrowed;
  }
  Say("asking " + Counted(request.plan.size(), "endpoint"));
  ProgressBar bar(kLineEvery);
  request.on_progress = [&bar](const scanner::ScanProgress& progress) { bar.Show(progress); };
  auto result = scanner::Scan(request, scanner::Method::kAuto, limiter, interrupt.token());
  ObservedScan scan;
  scan.snapshot.addresses = std::move(result.addresses);
  scan.snapshot.coverage = std::move(result.coverage);
  scan.snapshot.coverage.complete =
      scan.snapshot.coverage.complete && targets->unresolved.empty() && certain;
  scan.names = std::move(targets->names);
  return scan;
}

Result<ObservedScan> Observe(const Options& options) {
  if (options.from.empty()) return ScanNow(options);
  auto scan = LoadScan(options.from, options.config);
  if (!scan) return scan;
  if (auto narrowed = Narrow(options.targets, *scan); !narrowed) return narrowed.error();
  return scan;
}

Result<void> Write(const Options& options, const std::string& text) {
  if (options.output.empty()) return WriteAll(STDOUT_FILENO, text);
  auto file = OutputFile::Create(options.output);
  if (!file) return file.error();
  return file->Commit(text);
}

int Init(const Options& options) {
  if (!options.from.empty() && options.discover) {
    return Fail("--discover looks for hosts now, and --from has a scan already");
  }
  if (options.from.empty() && options.targets.empty()) {
    return Fail("name a scan with --from, or targets to scan now");
  }
  const auto scan = Observe(options);
  if (!scan) return Fail(exporters::EscapeTerminal(scan.error().message));
  const auto draft =
      policy::DraftPolicyOf(*scan, options.from.empty() ? "a scan made for it" : options.from);
  if (!draft) return Fail(draft.error().message);
  if (const auto written = Write(options, draft->yaml); !written) {
    return Fail(written.error().message);
  }
  Say(Counted(draft->hosts, "host") + ", " + Counted(draft->roles, "role") + "; " +
      Counted(draft->left_out.size(), "address") + " left out, of which nothing is known");
  const auto& coverage = scan->snapshot.coverage;
  if (coverage.complete && coverage.unknown == 0) return kNothingFound;
  return Fail("the scan is incomplete, " + Counted(coverage.unknown, "endpoint") +
              " unknown: the policy lacks what was not seen");
}

}  // namespace

void AddInitCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("init", "Write a first policy from what is observed");
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  command->add_option("TARGET", options->targets, "what to scan, or what to take of --from");
  command
      ->add_option("--from", options->from,
                   "a snapshot, nmap XML, or JSON lines of `postern scan`; no packet is sent")
      ->type_name("SNAPSHOT|FILE");
  command->add_option("--ports", options->ports, "what to ask without --from (default: top-1000)")
      ->type_name("SPEC");
  command->add_flag("--discover", options->discover,
                    "without --from: look first at which addresses somebody answers, and ask only "
                    "those; an IPv6 range up to a /64 is then a link of this machine");
  command->add_option("--output", options->output, "write there, not to standard output")
      ->type_name("FILE");
  AddConfigOption(*command, options->config);
  command->callback([options, &status] { status = Init(*options); });
}

}  // namespace postern::cli

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/judge_scan.h"
#include "cli/load.h"
#include "cli/progress_bar.h"
#include "cli/scan_source.h"
#include "core/counted.h"
#include "core/secret_key.h"
#include "daemon/all_ports.h"
#include "daemon/confirm.h"
#include "daemon/judging.h"
#include "daemon/run_plan.h"
#include "daemon/setup.h"
#include "daemon/targets.h"
#include "exporters/escape.h"
#include "policy/load_policy.h"
#include "scanner/method.h"

namespace postern::cli {
namespace {

// What a scan asks besides the policy's own ports.
constexpr const char* kUsualPorts = "top-1000";

constexpr const char* kFooter =
    "With --from, what the policy prescribes by name and the scan does not know is unknown and\n"
    "counted: without any drift the exit status is then 2. DNS names of the policy mean the\n"
    "addresses that the scan has under these names.\n"
    "\n"
    "Examples:\n"
    "  postern drift --policy policy.yaml --viewpoint public\n"
    "  nmap -p- -oX after.xml 192.0.2.0/28 && postern drift --policy policy.yaml --from after.xml";

struct Options {
  std::string config;
  std::string policy;
  std::string viewpoint;
  std::string from;
  std::string ports;  // empty: kUsualPorts for a scan, nothing more for a file
  std::string format = "text";
};

// What to compare with and how hard to probe.
struct Comparison {
  daemon::Setup setup;
  PortSet ports;
  std::string ports_secret;  // of drift/all_ports.h, where the scan has none of its own
};

struct Outcome {
  daemon::RunEvidence evidence;
  std::vector<Drift> drifts;
  daemon::Targets targets;
};

// The policy of --policy, or of the configuration; --viewpoint beats the configuration's.
std::optional<Comparison> Load(const Options& options, int& status) {
  Comparison comparison;
  const std::string spec =
      options.ports.empty() && options.from.empty() ? kUsualPorts : options.ports;
  auto ports =
      spec.empty() ? Result<PortSet>(PortSet()) : PortSet::Parse(spec, PortSet::BarePorts::kAreTcp);
  if (!ports) {
    std::fprintf(stderr, "postern: --ports: %s\n", ports.error().message.c_str());
    status = kCouldNotTell;
    return std::nullopt;
  }
  comparison.ports = std::move(*ports);
  auto secret = NewSecretKey();
  if (!secret) {
    std::fprintf(stderr, "postern: %s\n", secret.error().message.c_str());
    status = kCouldNotTell;
    return std::nullopt;
  }
  comparison.ports_secret = *std::move(secret);
  if (!options.config.empty()) {
    const auto loaded = LoadForCommand(options.config);
    status = loaded.status;
    if (!loaded.setup) return std::nullopt;
    comparison.setup = *loaded.setup;
  }
  if (!options.policy.empty()) {
    const auto today = std::chrono::floor<std::chrono::days>(SystemClock().Now());
    auto loaded = policy::LoadPolicy(options.policy, today);
    if (!loaded.policy) {
      std::fputs(loaded.diagnostics.Render().c_str(), stderr);
      status = loaded.unreadable ? kCouldNotTell : kFound;
      return std::nullopt;
    }
    comparison.setup.policy = std::move(loaded.policy);
  }
  if (!options.viewpoint.empty()) comparison.setup.config.viewpoint = options.viewpoint;
  return comparison;
}

// Whether the viewpoint is one that the policy knows; a policy with just one needs no naming.
bool SettleViewpoint(Comparison& comparison) {
  auto& viewpoint = comparison.setup.config.viewpoint;
  const auto& known = comparison.setup.policy->viewpoints;
  if (viewpoint.empty() && known.size() == 1) viewpoint = known.begin()->first;
  if (known.empty() || known.contains(viewpoint)) return true;
  std::string names;
  for (const auto& [name, unused] : known) names += (names.empty() ? "" : ", ") + name;
  std::fprintf(stderr, "postern: name the viewpoint that this machine looks from: --viewpoint %s\n",
               names.c_str());
  return false;
}

scanner::ScanResult ScanWithProgress(scanner::ScanRequest& request, scanner::RateLimiter& limiter,
                                     const std::stop_token& stop) {
  ProgressBar bar;
  request.on_progress = [&bar](const scanner::ScanProgress& progress) { bar.Show(progress); };
  return scanner::Scan(request, scanner::Method::kAuto, limiter, stop);
}

Outcome Compare(const Comparison& comparison, const std::stop_token& stop) {
  const auto& setup = comparison.setup;
  const auto& viewpoint = setup.config.viewpoint;
  const auto may_probe = [&](const IpAddress& address) {
    return setup.policy->MayProbe(address, viewpoint);
  };
  scanner::RateLimiter limiter(
      {setup.config.limits.rate, setup.config.limits.host_rate, setup.config.limits.network_rate});

  Outcome outcome;
  outcome.targets = daemon::FindTargets(*setup.policy, viewpoint, daemon::SystemResolver());
  scanner::ScanRequest request;
  request.plan =
      daemon::PlanComparison(*setup.policy, viewpoint, comparison.ports, outcome.targets.list);
  request.seed = std::random_device{}();
  request.may_probe = may_probe;
  auto result = ScanWithProgress(request, limiter, stop);
  auto& snapshot = outcome.evidence.snapshot;
  snapshot.coverage = std::move(result.coverage);
  snapshot.addresses = std::move(result.addresses);
  const auto drifts_now = [&] {
    return daemon::DriftIn(outcome.evidence, *setup.policy, viewpoint, outcome.targets,
                           SystemClock().Now(), comparison.ports_secret);
  };
  request.plan =
      daemon::RandomPortsPlan(snapshot, drifts_now(), {}, viewpoint, comparison.ports_secret);
  if (request.plan.size() > 0) daemon::AddPart(ScanWithProgress(request, limiter, stop), snapshot);
  outcome.evidence.signs = daemon::AskForSigns(
      {.known = {}, .absences = {}, .others = {}, .seed = request.seed, .may_probe = may_probe},
      snapshot, limiter, stop);
  snapshot.coverage.Add(outcome.evidence.signs.coverage);
  auto drifts = drifts_now();
  const auto confirmed =
      daemon::Confirmation({limiter, may_probe, SystemClock()}, setup.config.confirm.open_methods)
          .ConfirmOpen(drifts, stop);
  // What a second connect did not see as well is not proven.
  std::erase_if(drifts, [&](const Drift& drift) {
    return drift.kind == DriftKind::kUnexpectedOpen && setup.config.confirm.open_methods > 1 &&
           !confirmed.contains({drift.address, drift.protocol, drift.port});
  });
  outcome.drifts = std::move(drifts);
  return outcome;
}

bool Counts(const Drift& drift) {
  return drift.severity >= Severity::kWarning && !drift.acceptance;
}

// Empty where the kind of drift has no such thing.
boost::json::object JsonOf(const Drift& drift) {
  const auto place = PlaceOf(drift);
  boost::json::array addresses;
  for (const auto& address : drift.addresses) addresses.emplace_back(address.ToString());
  boost::json::object json;
  json["kind"] = ToString(drift.kind);
  json["severity"] = ToString(drift.severity);
  json["host"] = drift.host;
  json["owner"] = drift.owner;
  json["address"] = place.address;
  json["family"] = place.family;
  json["protocol"] = place.protocol;
  json["port"] = drift.port;
  json["ports"] = drift.ports.ToString();
  json["name"] = place.name;
  json["addresses"] = std::move(addresses);
  json["observed"] = ObservedState(drift);
  json["reason"] = place.name.empty() ? ToString(drift.observed.reason) : "";
  json["expected"] = drift.expected;
  json["accepted"] = drift.acceptance.has_value();
  json["summary"] = Summary(drift);
  return json;
}

void Print(const std::vector<Drift>& drifts, const std::string& format) {
  for (const auto& drift : drifts) {
    if (format == "jsonl") {
      std::printf("%s\n", boost::json::serialize(JsonOf(drift)).c_str());
      continue;
    }
    std::printf("%-8s %-17s %s [owner: %s]%s\n", std::string(ToString(drift.severity)).c_str(),
                std::string(ToString(drift.kind)).c_str(),
                exporters::EscapeTerminal(Summary(drift)).c_str(),
                drift.owner.empty() ? "nobody" : drift.owner.c_str(),
                drift.acceptance ? " (accepted)" : "");
  }
}

void Say(const std::string& message) {
  std::fprintf(stderr, "postern: %s\n", exporters::EscapeTerminal(message).c_str());
}

// Says on standard error what was looked at, and returns whether it was everything.
bool ReportCoverage(const Outcome& outcome) {
  const auto& coverage = outcome.evidence.snapshot.coverage;
  for (const auto& failure : outcome.targets.failures) {
    std::fprintf(stderr, "postern: %s does not resolve (%s): unknown\n", failure.name.c_str(),
                 failure.error.c_str());
  }
  Say(Counted(outcome.drifts.size(), "drift") + "; " + Counted(coverage.asked, "endpoint") +
      " on " + Counted(outcome.targets.list.size(), "address") + " asked, " +
      std::to_string(coverage.unknown) + " unknown");
  for (const auto& [error, count] : coverage.send_errors) {
    Say(Counted(count, "probe") + " could not be sent: " + error);
  }
  return coverage.complete && coverage.unknown == 0 && outcome.targets.unresolved.empty();
}

int StatusOf(const std::vector<Drift>& drifts, bool complete) {
  if (std::any_of(drifts.begin(), drifts.end(), Counts)) return kFound;
  return complete ? kNothingFound : kCouldNotTell;
}

std::string FirstOf(const std::vector<std::string>& texts) {
  constexpr std::size_t kNamed = 5;
  std::string list;
  for (std::size_t i = 0; i < std::min(kNamed, texts.size()); ++i) {
    list += (i == 0 ? "" : ", ") + texts[i];
  }
  return texts.size() > kNamed ? list + ", ..." : list;
}

// Judges what was scanned before; sends nothing.
int RunFrom(const Options& options, const Comparison& comparison) {
  const auto& viewpoint = comparison.setup.config.viewpoint;
  auto scan = LoadScan(options.from, options.config.empty() ? kDefaultConfig : options.config);
  if (!scan) {
    Say(scan.error().message);
    return kCouldNotTell;
  }
  if (scan->ports_secret.empty()) scan->ports_secret = comparison.ports_secret;
  const auto& seen_from = scan->snapshot.run.viewpoint;
  if (!seen_from.empty() && seen_from != viewpoint) {
    Say(options.from + " was seen from '" + seen_from + "', not from '" + viewpoint +
        "': an open port is relative to a path; name its viewpoint with --viewpoint");
    return kCouldNotTell;
  }
  const auto judgement =
      JudgeScan(*scan, *comparison.setup.policy, viewpoint, comparison.ports, SystemClock().Now());
  Print(judgement.drifts, options.format);
  if (!judgement.unseen.empty()) {
    Say("nothing is known by " + options.from + " of " +
        Counted(judgement.unseen.size(), "target") +
        " of the policy: " + FirstOf(judgement.unseen));
  }
  Say(Counted(judgement.drifts.size(), "drift") + "; the policy prescribes " +
      Counted(judgement.endpoints, "endpoint") + " on " + Counted(judgement.addresses, "address") +
      ", " + std::to_string(judgement.unknown) + " of them unknown");
  return StatusOf(judgement.drifts, judgement.IsComplete());
}

int RunDrift(const Options& options) {
  if (options.config.empty() && options.policy.empty()) {
    std::fprintf(stderr, "postern: drift needs --policy FILE or --config FILE\n");
    return kCouldNotTell;
  }
  int status = kNothingFound;
  auto comparison = Load(options, status);
  if (!comparison) return status;
  if (!SettleViewpoint(*comparison)) return kCouldNotTell;
  if (!options.from.empty()) return RunFrom(options, *comparison);

  const InterruptWatch interrupt;
  const auto outcome = Compare(*comparison, interrupt.token());
  Print(outcome.drifts, options.format);
  return StatusOf(outcome.drifts, ReportCoverage(outcome));
}

}  // namespace

void AddDriftCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand(
      "drift",
      "Scan the policy's hosts now and compare, without a daemon: for a look or a CI gate.\n"
      "Asks what the policy names and --ports. An open port counts once a second connect saw it.\n"
      "Exit status: 0 no drift, 1 drift of severity warning or above, 2 could not tell.");
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  command->add_option("--config", options->config, "viewpoint, limits and policy from here")
      ->type_name("FILE");
  command->add_option("--policy", options->policy, "the policy, a file or folder")
      ->type_name("FILE");
  command->add_option("--viewpoint", options->viewpoint, "the place that this machine looks from")
      ->type_name("NAME");
  command
      ->add_option(
          "--from", options->from,
          "judge this snapshot or file (nmap XML, postern scan's JSON lines); no packet is "
          "sent")
      ->type_name("SNAPSHOT|FILE");
  command
      ->add_option("--ports", options->ports,
                   "what to ask besides the policy's own ports (default: top-1000); with --from, "
                   "what it must know besides them (default: nothing)")
      ->type_name("SPEC");
  command->add_option("--format", options->format, "text or jsonl")
      ->check(CLI::IsMember({"text", "jsonl"}))
      ->capture_default_str();
  command->callback([options, &status] { status = RunDrift(*options); });
}

}  // namespace postern::cli

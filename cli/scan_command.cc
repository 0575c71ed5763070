// postern scan TARGET...: one scan now, without a daemon.
#include <net/if.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <random>

#include "cli/commands.h"
#include "cli/discover_targets.h"
#include "cli/held_back_text.h"
#include "cli/interrupt.h"
#include "cli/output_file.h"
#include "cli/progress_bar.h"
#include "cli/targets.h"
#include "core/counted.h"
#include "core/parse_number.h"
#include "exporters/escape.h"
#include "exporters/nmap_xml.h"
#include "exporters/scan_jsonl.h"
#include "exporters/scan_text.h"
#include "policy/load_config.h"
#include "scanner/method.h"
#include "scanner/syn_scan.h"

namespace postern::cli {
namespace {

// Probes to the machine itself load no network, and its kernel answers faster than this.
constexpr double kLoopbackRate = 50'000;
constexpr std::uint64_t kHighestRate = 10'000'000;
// The engine holds four bytes for each: 400 MB. At the default rate they take 14 hours.
constexpr std::uint64_t kMostEndpoints = 100'000'000;
constexpr Duration kResolveDeadline = std::chrono::seconds(10);

constexpr const char* kDescription = "One scan now, without a daemon";

constexpr const char* kFooter =
    "TARGET is an address, a CIDR prefix, a DNS name (every address of it is scanned) or the name\n"
    "of a host of the policy. Without --policy or --config the targets are the scope; with one, a\n"
    "target outside its scope is refused before any packet.\n"
    "\n"
    "No TCP port is sent any data, so that a printer at tcp/9100-9107 prints nothing.\n"
    "\n"
    "Rates hold over any second and count everything sent. The defaults are 2000 probes a second\n"
    "overall, 200 to a host and 1000 to a network, with --config its limits; where every target "
    "is\n"
    "a loopback address they are 50000, since no network is loaded. At its end a scan says which\n"
    "of them held it back, or what else its time went to.\n"
    "\n"
    "Ctrl-C ends the scan and keeps what was found; a second one ends the program.\n"
    "\n"
    "Exit status: 0 every endpoint has a verdict, 1 the policy or configuration is invalid,\n"
    "2 could not tell (usage, I/O, or endpoints or names that stayed unknown).\n"
    "\n"
    "Examples:\n"
    "  postern scan --ports all 127.0.0.1 ::1\n"
    "  postern scan --ports 22,80,443,8000-8100 --format jsonl 192.0.2.0/24\n"
    "  postern scan --policy policy.yaml --format nmap-xml --output web-1.xml web-1";

using Formatter = std::string (*)(const exporters::ScanReport&);

const std::map<std::string, Formatter> kFormatters = {
    {"text", exporters::FormatScanText},
    {"jsonl", exporters::FormatScanJsonLines},
    {"nmap-xml", exporters::FormatNmapXml},
};

struct Options {
  std::vector<std::string> targets;
  std::string ports = "top-1000";
  std::string method = "auto";
  bool discover = false;
  std::optional<std::uint64_t> rate;
  std::optional<std::uint64_t> host_rate;
  std::optional<std::uint64_t> network_rate;
  std::uint64_t retries = 2;
  std::string interface;
  std::string source;
  std::optional<std::uint64_t> seed;
  std::string format = "text";
  std::string output;
  std::string policy;
  std::string config;
};

// What may be probed, and how hard by default.
struct Scope {
  std::shared_ptr<const policy::Policy> policy;  // null: the arguments are the scope
  std::string viewpoint;
  std::optional<policy::Limits> limits;
};

void Say(const std::string& message) { std::cerr << "postern scan: " << message << "\n"; }

int Fail(int status, const std::string& message) {
  Say(message);
  return status;
}

// What was read of a policy or configuration, or the exit status when that is unusable.
struct LoadedScope {
  Scope scope;
  std::optional<int> failed;
};

LoadedScope LoadScopeOfPolicy(const std::string& path) {
  const auto today = std::chrono::floor<std::chrono::days>(SystemClock().Now());
  const auto loaded = policy::LoadPolicy(path, today);
  std::cerr << loaded.diagnostics.Render();
  if (!loaded.policy) return {{}, loaded.unreadable ? kCouldNotTell : kFound};
  return {{loaded.policy, {}, {}}, {}};
}

LoadedScope LoadScopeOfConfig(const std::string& path) {
  const auto now = SystemClock().Now();
  const auto source = policy::ReadSourceText(path);
  if (!source) return {{}, Fail(kCouldNotTell, source.error().message)};
  const char* state_directory = std::getenv("STATE_DIRECTORY");
  const auto setup = policy::LoadSetup(*source, state_directory ? state_directory : "",
                                       std::chrono::floor<std::chrono::days>(now));
  std::cerr << setup.config_diagnostics.Render() << setup.policy_diagnostics.Render();
  if (!setup.ok()) return {{}, setup.unreadable ? kCouldNotTell : kFound};

  const auto& limits = setup.config->limits;
  const bool quiet = std::any_of(limits.quiet_hours.begin(), limits.quiet_hours.end(),
                                 [&](const auto& hours) { return hours.Contains(now); });
  if (quiet) {
    return {{},
            Fail(kCouldNotTell, "these are quiet hours by " + path + ": no packets; scan later")};
  }
  return {{setup.policy, setup.config->viewpoint, limits}, {}};
}

LoadedScope LoadScope(const Options& options) {
  if (!options.config.empty()) return LoadScopeOfConfig(options.config);
  if (!options.policy.empty()) return LoadScopeOfPolicy(options.policy);
  return {};
}

Result<PortSet> ParsePorts(const std::string& spec) {
  auto ports = PortSet::Parse(spec, PortSet::BarePorts::kAreTcp);
  if (!ports) return Error{"--ports: " + exporters::EscapeTerminal(ports.error().message)};
  return ports;
}

bool AllLoopback(const ScanTargets& targets) {
  return targets.links.empty() &&
         std::all_of(targets.prefixes.begin(), targets.prefixes.end(),
                     [](const Prefix& prefix) { return prefix.base().IsLoopback(); });
}

scanner::RateCaps Caps(const Options& options, const Scope& scope, const ScanTargets& targets) {
  scanner::RateCaps caps;
  if (scope.limits) {
    caps = {scope.limits->rate, scope.limits->host_rate, scope.limits->network_rate};
  } else if (AllLoopback(targets)) {
    caps = {kLoopbackRate, kLoopbackRate, kLoopbackRate};
  }
  const auto set = [](double& cap, const std::optional<std::uint64_t>& option) {
    if (option) cap = static_cast<double>(*option);
  };
  set(caps.rate, options.rate);
  set(caps.host_rate, options.host_rate);
  set(caps.network_rate, options.network_rate);
  return caps;
}

scanner::ScanPlan MakePlan(const PortSet& ports, const std::vector<Prefix>& prefixes) {
  scanner::ScanPlan plan;
  plan.Add(prefixes, ports);
  return plan;
}

Result<void> CheckSize(const scanner::ScanPlan& plan) {
  if (plan.size() <= kMostEndpoints) return {};
  return Error{"these are " + Counted(plan.size(), "endpoint") + "; one scan may have up to " +
               std::to_string(kMostEndpoints) + ": name fewer addresses or ports"};
}

// The way out that --interface and --source name.
Result<void> SetRoute(const Options& options, const ScanTargets& targets,
                      scanner::ScanRequest& request) {
  if (!options.interface.empty() && if_nametoindex(options.interface.c_str()) == 0) {
    return Error{"--interface: there is no interface '" +
                 exporters::EscapeTerminal(options.interface) + "'"};
  }
  request.interface = options.interface;
  if (options.source.empty()) return {};
  request.source = IpAddress::Parse(options.source);
  if (!request.source) {
    return Error{"--source: '" + exporters::EscapeTerminal(options.source) + "' is not an address"};
  }
  for (const auto* prefixes : {&targets.prefixes, &targets.links}) {
    for (const auto& prefix : *prefixes) {
      if (prefix.family() == request.source->family()) continue;
      return Error{"--source " + options.source + " cannot reach " + prefix.base().ToString() +
                   ", which is of the other address family"};
    }
  }
  return {};
}

Result<scanner::ScanRequest> MakeRequest(const Options& options, const Scope& scope,
                                         const PortSet& ports, const ScanTargets& targets) {
  scanner::ScanRequest request;
  if (auto route = SetRoute(options, targets, request); !route) return route.error();
  request.plan = MakePlan(ports, targets.prefixes);
  if (auto fits = CheckSize(request.plan); !fits) return fits.error();
  request.tries = static_cast<int>(options.retries) + 1;
  std::random_device random;
  request.seed = options.seed.value_or((std::uint64_t{random()} << 32) | random());
  if (scope.policy) {
    request.may_probe = [policy = scope.policy,
                         viewpoint = scope.viewpoint](const IpAddress& address) {
      return policy->MayProbe(address, viewpoint);
    };
  }
  return request;
}

// This program's own arguments, as the kernel keeps them.
std::vector<std::string> CommandLine() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

// Leaves of the request's addresses those that somebody answers at. Whether that is known of all.
Result<bool> NarrowToUpTargets(const PortSet& ports, const ScanTargets& targets,
                               scanner::RateLimiter& limiter, scanner::ScanRequest& request) {
  scanner::DiscoverRequest question;
  question.ranges = targets.prefixes;
  question.links = targets.links;
  // FindScanTargets has compared each link as a whole with the scope.
  question.may_multicast = [](const Prefix&) { return true; };
  question.tries = request.tries;
  question.seed = request.seed;
  question.source = request.source;
  question.interface = request.interface;
  question.may_probe = request.may_probe;
  ProgressBar bar;
  question.on_progress = [&bar](const scanner::ScanProgress& progress) { bar.Show(progress); };
  const InterruptWatch interrupt;
  const auto up = FindUpTargets(question, limiter, interrupt.token());
  if (!up) return up.error();
  for (const auto& note : up->notes) Say(note);
  request.plan = MakePlan(ports, up->prefixes);
  if (auto fits = CheckSize(request.plan); !fits) return fits.error();
  return up->certain;
}

exporters::ScanReport RunScan(scanner::ScanRequest request, scanner::Method method,
                              scanner::RateLimiter& limiter, const Scope& scope,
                              ScanTargets targets) {
  ProgressBar bar;
  request.on_progress = [&bar](const scanner::ScanProgress& progress) { bar.Show(progress); };
  exporters::ScanReport report;
  auto& [run, coverage, addresses] = report.snapshot;
  run.viewpoint = scope.viewpoint;
  if (scope.policy) run.policy_hash = scope.policy->hash;
  run.program_version = POSTERN_VERSION;
  run.seed = request.seed;
  run.started = SystemClock().Now();
  const auto begin = SystemClock().Monotonic();
  {
    const InterruptWatch interrupt;
    auto result = scanner::Scan(request, method, limiter, interrupt.token());
    addresses = std::move(result.addresses);
    coverage = std::move(result.coverage);
    report.open = std::move(result.open);
  }
  report.elapsed = std::chrono::floor<std::chrono::milliseconds>(SystemClock().Monotonic() - begin);
  run.finished = SystemClock().Now();

  for (const auto& name : targets.unresolved) coverage.unresolved.push_back(name.name);
  coverage.complete = coverage.complete && coverage.unresolved.empty();
  report.tcp_method = scanner::UsesSyn(method) ? "syn" : "connect";
  report.names = std::move(targets.names);
  report.arguments = CommandLine();
  return report;
}

int StatusOf(const Coverage& coverage) {
  if (coverage.complete && coverage.unknown == 0) return kNothingFound;
  std::string text = "incomplete";
  if (coverage.unknown > 0) {
    text += ": " + std::to_string(coverage.unknown) + " of " + std::to_string(coverage.asked) +
            " endpoints are unknown";
  }
  for (const auto& [error, count] : coverage.send_errors) {
    text += ", " + Counted(count, "time") + " " + error;
  }
  return Fail(kCouldNotTell, text);
}

int Scan(const Options& options) {
  const auto [scope, failed] = LoadScope(options);
  if (failed) return *failed;
  const auto ports = ParsePorts(options.ports);
  if (!ports) return Fail(kCouldNotTell, ports.error().message);
  const auto method = *scanner::ParseMethod(options.method);
  if (method == scanner::Method::kSyn && !scanner::MaySendRaw()) {
    return Fail(kCouldNotTell,
                "--method syn needs CAP_NET_RAW: run as root, or use --method connect");
  }
  auto targets = FindScanTargets(
      options.targets, {ports->size(), scope.policy.get(), scope.viewpoint, options.discover},
      [](const std::vector<std::string>& names) {
        return scanner::Resolve(names, kResolveDeadline);
      });
  if (!targets) return Fail(kCouldNotTell, targets.error().message);
  for (const auto& name : targets->unresolved) {
    Say(name.name + " does not resolve: " + exporters::EscapeTerminal(name.error));
  }
  auto request = MakeRequest(options, scope, *ports, *targets);
  if (!request) return Fail(kCouldNotTell, request.error().message);
  std::optional<OutputFile> file;
  if (!options.output.empty()) {
    auto created = OutputFile::Create(options.output);
    if (!created) return Fail(kCouldNotTell, created.error().message);
    file.emplace(std::move(*created));
  }

  const auto caps = Caps(options, scope, *targets);
  scanner::RateLimiter limiter(caps);
  bool certain = true;
  if (options.discover) {
    const auto narrowed = NarrowToUpTargets(*ports, *targets, limiter, *request);
    if (!narrowed) return Fail(kCouldNotTell, narrowed.error().message);
    certain = *narrowed;
  }
  const auto report = RunScan(std::move(*request), method, limiter, scope, std::move(*targets));
  const std::string text = kFormatters.at(options.format)(report);
  const auto written = file ? file->Commit(text) : WriteAll(STDOUT_FILENO, text);
  if (!written) return Fail(kCouldNotTell, written.error().message);
  const auto& coverage = report.snapshot.coverage;
  if (options.format == "text") {
    if (const auto text = HeldBackText(coverage.held_back, caps); !text.empty()) Say(text);
  }
  for (const auto& line : SlowHostLines(coverage.slow_hosts)) Say(line);
  const int status = StatusOf(coverage);
  return certain ? status : kCouldNotTell;
}

// A plain decimal option, which CLI11 itself would take in octal and hexadecimal too.
template <typename Number>
void AddNumber(CLI::App& command, const std::string& name, Number& value, std::uint64_t low,
               std::uint64_t high, const std::string& help) {
  command
      .add_option_function<std::string>(
          name,
          [&value, name, low, high](const std::string& text) {
            const auto number = ParseDecimal(text, low, high);
            if (!number) {
              throw CLI::ValidationError(name, "must be a plain number from " +
                                                   std::to_string(low) + " to " +
                                                   std::to_string(high));
            }
            value = *number;
          },
          help)
      ->type_name("N");
}

void AddScopeOptions(CLI::App& command, Options& options) {
  auto* policy = command.add_option("--policy", options.policy, "scan inside this policy's scope");
  policy->type_name("FILE");
  command.add_option("--config", options.config, "take policy, viewpoint and limits from here")
      ->type_name("FILE")
      ->excludes(policy);
}

void AddProbeOptions(CLI::App& command, Options& options) {
  command
      .add_option("--ports", options.ports,
                  "[tcp/|udp/]PORT[-PORT],..., top-N or all (default: top-1000)")
      ->type_name("SPEC");
  command
      .add_option("--method", options.method,
                  "syn sends packets of its own (needs CAP_NET_RAW), connect asks the kernel for "
                  "connections; auto takes syn where it may (default: auto)")
      ->type_name("METHOD")
      ->check(CLI::IsMember({"auto", "syn", "connect"}));
  command.add_flag("--discover", options.discover,
                   "first find out which addresses answer (ARP, NDP, echo, SYN, ACK, timestamp), "
                   "and scan those; the hosts of a link of this machine, an IPv6 range up to a "
                   "/64, are found by multicast and the table of neighbours");
  AddNumber(command, "--rate", options.rate, 1, kHighestRate, "probes a second, overall");
  AddNumber(command, "--host-rate", options.host_rate, 1, kHighestRate,
            "probes a second to one address");
  AddNumber(command, "--network-rate", options.network_rate, 1, kHighestRate,
            "probes a second to one /24 or /64");
  AddNumber(command, "--retries", options.retries, 0, 20,
            "probes after the first before silence is a verdict (default: 2)");
  command.add_option("--interface", options.interface, "send through this interface")
      ->type_name("IF");
  command.add_option("--source", options.source, "send from this address")->type_name("ADDR");
  AddNumber(command, "--seed", options.seed, 0, std::numeric_limits<std::uint64_t>::max(),
            "visit the endpoints in the order of this seed, to repeat a scan");
}

void AddOutputOptions(CLI::App& command, Options& options) {
  command.add_option("--format", options.format, "text, jsonl or nmap-xml (default: text)")
      ->type_name("FORMAT")
      ->check(CLI::IsMember(kFormatters));
  command
      .add_option("--output", options.output,
                  "write there when the scan ends, not to standard output")
      ->type_name("FILE");
}

}  // namespace

void AddScanCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("scan", kDescription);
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  command->add_option("TARGET", options->targets, "what to scan")->required();
  AddProbeOptions(*command, *options);
  AddScopeOptions(*command, *options);
  AddOutputOptions(*command, *options);
  command->callback([options, &status] { status = Scan(*options); });
}

}  // namespace postern::cli

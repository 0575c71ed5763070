#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/evidence_output.h"
#include "cli/load.h"
#include "cli/staleness.h"
#include "core/finding.h"
#include "exporters/escape.h"
#include "exporters/finding_json.h"
#include "storage/store.h"

namespace postern::cli {
namespace {

struct Options {
  std::string config;
  std::string format = "text";
  bool all = false;
  std::vector<std::string> hosts;
  std::vector<std::string> owners;
  std::vector<std::string> kinds;
  std::vector<std::string> severities;
  std::vector<std::string> states;
  std::string since;
  std::string id;
  std::string pcap;
};

std::string OptionalTime(const std::optional<TimePoint>& time) {
  return time ? FormatTime(*time) : "-";
}

// What the drift is of: "192.0.2.1 tcp/22", "name www.example.com", "ipv6", "scan top".
std::string PlaceText(const Drift& drift) {
  const auto place = PlaceOf(drift);
  if (!place.name.empty()) return "name " + place.name;
  if (!place.scan.empty()) return "scan " + place.scan;
  if (place.address.empty()) return place.family;
  return place.address + " " + place.protocol + (place.port.empty() ? "" : "/" + place.port);
}

using HeldByFinding = std::map<std::string, HeldNews>;

const HeldNews* HeldOf(const HeldByFinding& held, const Finding& finding) {
  const auto at = held.find(finding.id);
  return at == held.end() ? nullptr : &at->second;
}

// " (fixed at 2026-03-01T00:00:00.000Z: closed (rst))"; nothing for what has not ended.
std::string EndText(const Finding& finding) {
  if (finding.state != FindingState::kResolved || !finding.resolution) return {};
  std::string text = " (" + std::string(ToString(*finding.resolution));
  if (finding.resolved) text += " at " + FormatTime(*finding.resolved);
  if (!finding.resolved_by.empty()) text += ": " + finding.resolved_by;
  return text + ")";
}

void PrintLine(const Finding& finding, const HeldNews* held) {
  const auto held_text = held == nullptr ? "" : " (held: " + held->window + ")";
  std::printf(
      "%-13s %-12s %-8s %-17s %-16s %s\n", DisplayId(finding).c_str(),
      std::string(ToString(finding.state)).c_str(),
      std::string(ToString(finding.drift.severity)).c_str(),
      std::string(ToString(finding.drift.kind)).c_str(),
      finding.drift.owner.empty() ? "-" : finding.drift.owner.c_str(),
      exporters::EscapeTerminal(Summary(finding.drift) + EndText(finding) + held_text).c_str());
}

// The severest first, then the oldest.
void SortForReading(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    if (a.drift.severity != b.drift.severity) return a.drift.severity > b.drift.severity;
    return a.first_seen < b.first_seen;
  });
}

Result<std::unique_ptr<storage::Store>> OpenStore(const Options& options, int& status) {
  const auto loaded = LoadForCommand(options.config);
  status = loaded.status;
  if (!loaded.setup) return Error{"the configuration is invalid"};
  auto store = storage::Store::Open(loaded.setup->config.storage_path, storage::Access::kRead);
  if (!store) {
    status = kCouldNotTell;
    std::fprintf(stderr, "postern: %s\n", store.error().message.c_str());
    return store;
  }
  WarnOfStaleScans(**store, loaded.setup->config);
  return store;
}

int CannotRead(const Error& error) {
  std::fprintf(stderr, "postern: %s\n", error.message.c_str());
  return kCouldNotTell;
}

// The time that --since means: so long ago, a day's beginning, or the time itself.
Result<TimePoint> SinceTime(const std::string& text) {
  if (text.empty()) return TimePoint::min();
  if (const auto length = ParseDuration(text)) return SystemClock().Now() - *length;
  if (const auto day = ParseDate(text)) return TimePoint(*day);
  if (const auto time = ParseTime(text)) return *time;
  return Error{"--since '" + text +
               "' is no time; write 24h, 7d, 2026-12-31 or 2026-12-31T23:59:59.000Z"};
}

TimePoint LastChange(const Finding& finding) {
  return std::max({finding.first_seen, finding.opened.value_or(finding.first_seen),
                   finding.resolved.value_or(finding.first_seen)});
}

bool IsOneOf(const std::vector<std::string>& values, std::string_view value) {
  return values.empty() || std::ranges::find(values, value) != values.end();
}

bool IsWanted(const Options& options, TimePoint since, const Finding& finding) {
  const auto& drift = finding.drift;
  const bool in_state = options.states.empty()
                            ? options.all || finding.state != FindingState::kResolved
                            : IsOneOf(options.states, ToString(finding.state));
  return in_state && IsOneOf(options.hosts, drift.host) && IsOneOf(options.owners, drift.owner) &&
         IsOneOf(options.kinds, ToString(drift.kind)) &&
         IsOneOf(options.severities, ToString(drift.severity)) && LastChange(finding) >= since;
}

int List(const Options& options) {
  const auto since = SinceTime(options.since);
  if (!since) return CannotRead(since.error());
  int status = kNothingFound;
  const auto store = OpenStore(options, status);
  if (!store) return status;
  auto findings = (*store)->Findings();
  if (!findings) return CannotRead(findings.error());
  const auto held = (*store)->FindingsWithHeldNews();
  if (!held) return CannotRead(held.error());
  std::erase_if(*findings,
                [&](const Finding& finding) { return !IsWanted(options, *since, finding); });
  SortForReading(*findings);
  if (options.format == "text" && !findings->empty()) {
    std::printf("%-13s %-12s %-8s %-17s %-16s %s\n", "ID", "STATE", "SEVERITY", "KIND", "OWNER",
                "SUMMARY");
  }
  for (const auto& finding : *findings) {
    if (options.format == "text") {
      PrintLine(finding, HeldOf(*held, finding));
    } else {
      std::printf("%s\n", exporters::FindingJson(finding, HeldOf(*held, finding)).c_str());
    }
  }
  return kNothingFound;
}

void PrintWhole(const Finding& finding, const HeldNews* held) {
  const auto& drift = finding.drift;
  const auto line = [](const char* name, const std::string& value) {
    std::printf("%-13s %s\n", name, exporters::EscapeTerminal(value).c_str());
  };
  line("finding", DisplayId(finding));
  line("summary", Summary(drift));
  line("state", std::string(ToString(finding.state)) +
                    (finding.state == FindingState::kResolved && finding.resolution
                         ? " (" + std::string(ToString(*finding.resolution)) + ")"
                         : ""));
  line("kind", std::string(ToString(drift.kind)));
  line("severity", std::string(ToString(drift.severity)));
  line("viewpoint", finding.viewpoint);
  line("host", drift.host.empty() ? "-" : drift.host);
  line("owner", drift.owner.empty() ? "-" : drift.owner);
  line("subject", PlaceText(drift));
  line("ports", drift.ports.empty() ? "-" : drift.ports.ToString());
  line("expected", drift.expected.empty() ? "-" : drift.expected);
  line("observed", ObservedText(drift));
  line("rule", drift.rule.empty() ? "-" : drift.rule);
  if (drift.acceptance) {
    line("accepted", "until " + FormatDate(drift.acceptance->until) + ": " +
                         drift.acceptance->reason + " (" + drift.acceptance->ticket + ")");
  }
  if (finding.acknowledgement) {
    const auto& said = *finding.acknowledgement;
    line("acknowledged", "by " + said.by + " at " + FormatTime(said.at) + ", until " +
                             FormatTime(said.until) + ": " + said.comment);
  }
  if (held != nullptr) {
    line("held", "for " + held->window + ", since " + FormatTime(held->since));
  }
  line("first seen", FormatTime(finding.first_seen));
  line("last seen", FormatTime(finding.last_seen));
  if (finding.unverified_since) {
    line("unverified", "since " + FormatTime(*finding.unverified_since) +
                           ": its address gives no sign of life, or changed as a whole");
  }
  line("opened", OptionalTime(finding.opened));
  line("resolved", OptionalTime(finding.resolved) +
                       (finding.resolved_by.empty() ? "" : ": " + finding.resolved_by));
}

int Show(const Options& options) {
  int status = kNothingFound;
  const auto store = OpenStore(options, status);
  if (!store) return status;
  const auto finding = (*store)->FindFinding(options.id);
  if (!finding) return CannotRead(finding.error());
  if (!*finding) {
    std::fprintf(stderr,
                 "postern: there is no finding %s; `postern findings list --all` has them\n",
                 exporters::EscapeTerminal(options.id).c_str());
    return kFound;
  }
  const auto evidence = (*store)->EvidenceOf(options.id);
  if (!evidence) return CannotRead(evidence.error());
  if (!options.pcap.empty()) {
    const auto written = WritePackets(*evidence, options.pcap);
    return written ? kNothingFound : CannotRead(written.error());
  }
  const auto held = (*store)->FindingsWithHeldNews();
  if (!held) return CannotRead(held.error());
  if (options.format == "text") {
    PrintWhole(**finding, HeldOf(*held, **finding));
    std::fputs(EvidenceText(*evidence).c_str(), stdout);
  } else {
    std::printf("%s\n",
                exporters::FindingJson(**finding, *evidence, HeldOf(*held, **finding)).c_str());
  }
  return kNothingFound;
}

void AddOptions(CLI::App& command, Options& options) {
  AddConfigOption(command, options.config);
  command.add_option("--format", options.format, "text or jsonl")
      ->check(CLI::IsMember({"text", "jsonl"}))
      ->capture_default_str();
}

template <typename T, std::size_t N>
std::vector<std::string> NamesOf(const std::array<T, N>& values) {
  std::vector<std::string> names;
  names.reserve(N);
  for (const auto value : values) names.emplace_back(ToString(value));
  return names;
}

void AddFilters(CLI::App& list, Options& options) {
  constexpr std::array kSeverities = {Severity::kInfo, Severity::kWarning, Severity::kCritical};
  list.add_flag("--all", options.all, "resolved ones as well");
  list.add_option("--host", options.hosts, "of this host; may be repeated")->type_name("NAME");
  list.add_option("--owner", options.owners, "of this owner; may be repeated")->type_name("NAME");
  list.add_option("--kind", options.kinds, "of this kind; may be repeated")
      ->type_name("KIND")
      ->check(CLI::IsMember(NamesOf(kDriftKinds)));
  list.add_option("--severity", options.severities, "of this severity; may be repeated")
      ->type_name("SEVERITY")
      ->check(CLI::IsMember(NamesOf(kSeverities)));
  list.add_option("--state", options.states, "in this state, resolved too; may be repeated")
      ->type_name("STATE")
      ->check(CLI::IsMember(NamesOf(kFindingStates)));
  list.add_option("--since", options.since,
                  "first seen, opened or resolved since: 24h, 7d, 2026-12-31")
      ->type_name("TIME");
}

}  // namespace

void AddFindingsCommand(CLI::App& app, int& status) {
  auto* findings = app.add_subcommand(
      "findings", "Show the findings that the daemon keeps, and say what is known.");
  findings->require_subcommand(1);
  auto options = std::make_shared<Options>();

  auto* list = findings->add_subcommand("list", "One line each, the severest first.");
  AddOptions(*list, *options);
  AddFilters(*list, *options);
  list->callback([options, &status] { status = List(*options); });

  auto* show = findings->add_subcommand(
      "show", "All that is known of one finding, with the evidence that it was opened on.");
  AddOptions(*show, *options);
  show->add_option("ID", options->id, "as `postern findings list` shows it")->required();
  show->add_option("--pcap", options->pcap,
                   "write the packets of the confirming exchange there instead; - is standard "
                   "output: postern findings show ID --pcap - | tcpdump -nr -")
      ->type_name("FILE");
  show->callback([options, &status] { status = Show(*options); });

  AddRecheckCommand(*findings, status);
  AddAcknowledgeCommands(*findings, status);
  AddDeadLetterCommands(*findings, status);
}

}  // namespace postern::cli

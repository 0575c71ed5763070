#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/load.h"
#include "core/counted.h"
#include "exporters/escape.h"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string config;
  std::string length;
  std::string reason;
  std::vector<std::string> hosts;
  std::vector<std::string> owners;
  std::vector<std::string> networks;
  std::string format = "text";
};

std::string TextAt(const json::object& object, std::string_view key, std::string_view otherwise) {
  const auto* value = object.if_contains(key);
  if (value == nullptr) return std::string(otherwise);
  if (value->is_string()) return exporters::EscapeTerminal(std::string(value->get_string()));
  return json::serialize(*value);
}

// Empty if there is no such object.
json::object ObjectAt(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? value->get_object() : json::object();
}

std::string HostsText(const json::object& answer) {
  boost::system::error_code error;
  const auto* hosts = answer.if_contains("hosts");
  const auto count = hosts == nullptr ? 0 : hosts->to_number<std::uint64_t>(error);
  return Counted(count, "host");
}

std::string PauseText(const json::object& pause) {
  return "since " + TextAt(pause, "since", "-") + " by " + TextAt(pause, "by", "-") + ", " +
         (pause.contains("until") ? "until " + TextAt(pause, "until", "-")
                                  : std::string("until `postern resume`"));
}

// The command with what it is about; nothing is all probing.
json::object RequestOf(const char* command, const Options& options) {
  json::object request{{"command", command}};
  if (!options.hosts.empty()) request["hosts"] = json::value_from(options.hosts);
  if (!options.owners.empty()) request["owners"] = json::value_from(options.owners);
  if (!options.networks.empty()) request["networks"] = json::value_from(options.networks);
  return request;
}

bool NamesWindow(const Options& options) {
  return !options.hosts.empty() || !options.owners.empty() || !options.networks.empty();
}

int Pause(const Options& options) {
  auto request = RequestOf("pause", options);
  if (!options.length.empty()) request["for"] = options.length;
  if (!options.reason.empty()) request["reason"] = options.reason;
  if (!NamesWindow(options) && !options.reason.empty()) {
    std::fprintf(stderr, "postern: --reason belongs to --host, --owner or --network\n");
    return kCouldNotTell;
  }
  int status = kNothingFound;
  const auto answer = Ask(options.config, request, status);
  if (!answer) return status;
  if (NamesWindow(options)) {
    const auto window = ObjectAt(*answer, "window");
    std::printf("notifications about %s wait until %s; scanning goes on\n",
                TextAt(window, "selects", "-").c_str(), TextAt(window, "until", "-").c_str());
    return kNothingFound;
  }
  std::printf("paused %s; no packets are sent, and findings stay as they are\n",
              PauseText(ObjectAt(*answer, "paused")).c_str());
  return kNothingFound;
}

int Resume(const Options& options) {
  int status = kNothingFound;
  if (!Ask(options.config, RequestOf("resume", options), status)) return status;
  if (NamesWindow(options)) {
    std::puts("the window of change is over; what is left of it is told now");
    return kNothingFound;
  }
  std::puts("probing again; what is overdue runs now");
  return kNothingFound;
}

void PrintStatus(const json::object& answer) {
  const auto line = [](const char* name, const std::string& value) {
    std::printf("%-10s %s\n", name, value.c_str());
  };
  line("version", TextAt(answer, "version", "-"));
  line("viewpoint", TextAt(answer, "viewpoint", "-"));
  line("policy", TextAt(answer, "policy", "-") + ", " + HostsText(answer));
  const auto paused = ObjectAt(answer, "paused");
  line("probing", paused.empty() ? "yes" : "paused " + PauseText(paused));
  const auto* blind = answer.if_contains("blind");
  if (blind != nullptr && blind->is_array()) {
    for (const auto& family : blind->get_array()) {
      line("blind", "over " + (family.is_string() ? std::string(family.get_string()) : "?") +
                        ": its runs are not believed, and findings are frozen");
    }
  }
  const auto* windows = answer.if_contains("windows");
  if (windows != nullptr && windows->is_array()) {
    for (const auto& item : windows->get_array()) {
      const auto window = item.is_object() ? item.get_object() : json::object();
      line("held", TextAt(window, "window", "-") + " (" + TextAt(window, "selects", "-") +
                       "), until " + TextAt(window, "until", "-"));
    }
  }
  for (const auto& [state, count] : ObjectAt(answer, "findings")) {
    line(state == "pending" ? "findings" : "", json::serialize(count) + " " + std::string(state));
  }
  std::printf("\n%-16s %-10s %8s  %-24s  %s\n", "SCAN", "STAGE", "RUNS", "LAST START",
              "LAST SUCCESS");
  const auto* scans = answer.if_contains("scans");
  if (scans == nullptr || !scans->is_array()) return;
  for (const auto& item : scans->get_array()) {
    const auto scan = item.is_object() ? item.get_object() : json::object();
    std::printf("%-16s %-10s %8s  %-24s  %s\n", TextAt(scan, "name", "-").c_str(),
                TextAt(scan, "stage", "-").c_str(), TextAt(scan, "runs", "-").c_str(),
                TextAt(scan, "last_started", "never").c_str(),
                TextAt(scan, "last_success", "never").c_str());
  }
}

int Status(const Options& options) {
  int status = kNothingFound;
  const auto answer = Ask(options.config, {{"command", "status"}}, status);
  if (!answer) return status;
  if (options.format == "text") {
    PrintStatus(*answer);
  } else {
    std::printf("%s\n", json::serialize(*answer).c_str());
  }
  return kNothingFound;
}

void AddSelectors(CLI::App& command, Options& options) {
  command.add_option("--host", options.hosts, "a host of the policy; may be repeated")
      ->type_name("NAME");
  command.add_option("--owner", options.owners, "an owner that the policy names; may be repeated")
      ->type_name("NAME");
  command.add_option("--network", options.networks, "addresses; may be repeated")
      ->type_name("CIDR");
}

}  // namespace

void AddPauseCommands(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();

  auto* pause = app.add_subcommand(
      "pause",
      "Make the running daemon send no packets; or, with --host, --owner or --network, hold its\n"
      "notifications about them while it scans on.");
  AddConfigOption(*pause, options->config);
  AddSelectors(*pause, *options);
  pause
      ->add_option("--for", options->length,
                   "how long, for example 2h (default: until resume; with --host, --owner or "
                   "--network it is needed, at most 30d)")
      ->type_name("DURATION");
  pause->add_option("--reason", options->reason, "why, with --host, --owner or --network")
      ->type_name("TEXT");
  pause->footer(
      "With --host, --owner or --network it is a window of change: findings open and end as\n"
      "ever, receivers are not told, and at the end what is left is told together. What is given\n"
      "more than once means any of them; different options all have to fit.\n\n"
      "Without: runs in flight are given up, findings stay as they are, deliveries go on, and\n"
      "the metric postern_paused is 1. A pause outlasts restarts of the daemon.");
  pause->callback([options, &status] { status = Pause(*options); });

  auto* resume = app.add_subcommand(
      "resume",
      "End a pause of the running daemon, or the window of change that was opened with the same "
      "--host, --owner and --network.");
  AddConfigOption(*resume, options->config);
  AddSelectors(*resume, *options);
  resume->callback([options, &status] { status = Resume(*options); });

  auto* show = app.add_subcommand("status", "Show what the running daemon does.");
  AddConfigOption(*show, options->config);
  show->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  show->callback([options, &status] { status = Status(*options); });
}

}  // namespace postern::cli

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/load.h"
#include "exporters/escape.h"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string config;
  std::string length;
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

std::string PauseText(const json::object& pause) {
  return "since " + TextAt(pause, "since", "-") + " by " + TextAt(pause, "by", "-") + ", " +
         (pause.contains("until") ? "until " + TextAt(pause, "until", "-")
                                  : std::string("until `postern resume`"));
}

int Pause(const Options& options) {
  json::object request{{"command", "pause"}};
  if (!options.length.empty()) request["for"] = options.length;
  int status = kNothingFound;
  const auto answer = Ask(options.config, request, status);
  if (!answer) return status;
  std::printf("paused %s; no packets are sent, and findings stay as they are\n",
              PauseText(ObjectAt(*answer, "paused")).c_str());
  return kNothingFound;
}

int Resume(const Options& options) {
  int status = kNothingFound;
  if (!Ask(options.config, {{"command", "resume"}}, status)) return status;
  std::puts("probing again; what is overdue runs now");
  return kNothingFound;
}

void PrintStatus(const json::object& answer) {
  const auto line = [](const char* name, const std::string& value) {
    std::printf("%-10s %s\n", name, value.c_str());
  };
  line("version", TextAt(answer, "version", "-"));
  line("viewpoint", TextAt(answer, "viewpoint", "-"));
  line("policy", TextAt(answer, "policy", "-") + ", " + TextAt(answer, "hosts", "0") + " hosts");
  const auto paused = ObjectAt(answer, "paused");
  line("probing", paused.empty() ? "yes" : "paused " + PauseText(paused));
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

}  // namespace

void AddPauseCommands(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();

  auto* pause = app.add_subcommand(
      "pause", "Make the running daemon send no packets, for example during maintenance.");
  AddConfigOption(*pause, options->config);
  pause->add_option("--for", options->length, "how long, for example 2h (default: until resume)")
      ->type_name("DURATION");
  pause->footer(
      "Runs in flight are given up, findings stay as they are, deliveries go on, and\n"
      "the metric postern_paused is 1. A pause outlasts restarts of the daemon.");
  pause->callback([options, &status] { status = Pause(*options); });

  auto* resume = app.add_subcommand("resume", "End a pause of the running daemon.");
  AddConfigOption(*resume, options->config);
  resume->callback([options, &status] { status = Resume(*options); });

  auto* show = app.add_subcommand("status", "Show what the running daemon does.");
  AddConfigOption(*show, options->config);
  show->add_option("--format", options->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  show->callback([options, &status] { status = Status(*options); });
}

}  // namespace postern::cli

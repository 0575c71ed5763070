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

struct Options {
  std::string config;
  std::string id;
  std::string comment;
  std::string until;
};

int Acknowledge(const Options& options) {
  boost::json::object request{{"command", "ack"}, {"id", options.id}, {"comment", options.comment}};
  if (!options.until.empty()) request["until"] = options.until;
  int status = kNothingFound;
  const auto answer = Ask(options.config, request, status);
  if (!answer) return status;
  const auto* until = answer->if_contains("until");
  std::printf("acknowledged until %s; nobody is told of it any more\n",
              until != nullptr && until->is_string()
                  ? exporters::EscapeTerminal(std::string(until->get_string())).c_str()
                  : "-");
  return kNothingFound;
}

int Reopen(const Options& options) {
  int status = kNothingFound;
  if (!Ask(options.config, {{"command", "reopen"}, {"id", options.id}}, status)) return status;
  std::puts("open again; its receivers are told");
  return kNothingFound;
}

}  // namespace

void AddAcknowledgeCommands(CLI::App& findings, int& status) {
  auto options = std::make_shared<Options>();

  auto* ack = findings.add_subcommand(
      "ack", "Say that an open finding is known: its notifications end, its metric stays.");
  AddConfigOption(*ack, options->config);
  ack->add_option("ID", options->id, "as `postern findings list` shows it")->required();
  ack->add_option("--comment", options->comment, "why, for whoever looks next")->required();
  ack->add_option("--until", options->until, "last day, in UTC (default: in 30 days, the longest)")
      ->type_name("YYYY-MM-DD");
  ack->footer(
      "It is open again when its time is over or its severity rises. What is meant to stay\n"
      "belongs under `accept` in the policy.\n\n"
      "Example:\n  postern findings ack abcdefghij --comment 'moves behind the VPN, OPS-12'");
  ack->callback([options, &status] { status = Acknowledge(*options); });

  auto* reopen = findings.add_subcommand("reopen", "Take an acknowledgement back.");
  AddConfigOption(*reopen, options->config);
  reopen->add_option("ID", options->id, "as `postern findings list` shows it")->required();
  reopen->callback([options, &status] { status = Reopen(*options); });
}

}  // namespace postern::cli

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/load.h"
#include "exporters/escape.h"

namespace postern::cli {
namespace {

// Between two questions about a recheck, which takes some seconds.
constexpr std::chrono::milliseconds kBetweenQuestions{500};

struct Options {
  std::string config;
  std::string id;
};

std::string TextAt(const boost::json::object& answer, std::string_view key) {
  const auto* value = answer.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

int Tell(const std::string& outcome, const std::string& why) {
  const auto words = outcome == "fixed"        ? "fixed"
                     : outcome == "still_open" ? "still open"
                                               : "could not tell";
  std::printf("%s%s%s\n", words,
              why.empty()          ? ""
              : outcome == "fixed" ? ": "
                                   : ", because ",
              exporters::EscapeTerminal(why).c_str());
  if (outcome == "fixed") return kNothingFound;
  return outcome == "still_open" ? kFound : kCouldNotTell;
}

int Recheck(const Options& options) {
  int status = kNothingFound;
  const boost::json::object request{{"command", "recheck"}, {"id", options.id}};
  while (true) {
    const auto answer = Ask(options.config, request, status);
    if (!answer) return status;
    if (const auto outcome = TextAt(*answer, "outcome"); !outcome.empty()) {
      return Tell(outcome, TextAt(*answer, "why"));
    }
    std::this_thread::sleep_for(kBetweenQuestions);
  }
}

}  // namespace

void AddRecheckCommand(CLI::App& findings, int& status) {
  auto options = std::make_shared<Options>();
  auto* recheck = findings.add_subcommand(
      "recheck",
      "Have the daemon ask the ports of a finding now, by both methods, under its caps.\n"
      "Prints \"fixed\", \"still open\" or \"could not tell, because ...\", and moves the finding\n"
      "by the rules of every run. Exit status: 0 fixed, 1 still open, 2 could not tell.");
  AddConfigOption(*recheck, options->config);
  recheck->add_option("ID", options->id, "as `postern findings list` shows it")->required();
  recheck->callback([options, &status] { status = Recheck(*options); });
}

}  // namespace postern::cli

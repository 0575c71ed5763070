#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/load.h"
#include "daemon/receivers.h"
#include "exporters/escape.h"
#include "storage/store.h"

namespace postern::cli {
namespace {

struct Options {
  std::string config;
  std::string receiver;
};

int CannotRead(const Error& error) {
  std::fprintf(stderr, "postern: %s\n", error.message.c_str());
  return kCouldNotTell;
}

int ShowUndelivered(const Options& options) {
  const auto loaded = LoadForCommand(options.config);
  if (!loaded.setup) return loaded.status;
  const auto store =
      storage::Store::Open(loaded.setup->config.storage_path, storage::Access::kRead);
  if (!store) return CannotRead(store.error());
  const auto letters = (*store)->DeadLetters();
  if (!letters) return CannotRead(letters.error());
  if (!letters->empty()) {
    std::printf("%-16s %-13s %-9s %-25s %s\n", "RECEIVER", "FINDING", "NEWS", "REFUSED", "WHY");
  }
  for (const auto& letter : *letters) {
    std::printf("%-16s %-13s %-9s %-25s %s\n", letter.receiver.c_str(),
                letter.transition.finding_id.c_str(),
                std::string(ToString(letter.transition.kind)).c_str(),
                FormatTime(letter.refused.value_or(letter.created)).c_str(),
                exporters::EscapeTerminal(letter.refusal).c_str());
  }
  return kNothingFound;
}

// The names of the receivers, if `name` is none of them.
std::optional<std::string> NamesInsteadOf(const std::string& name, const policy::Config& config) {
  std::string names;
  for (const auto& instance : daemon::InstancesOf(config)) {
    if (instance.name == name) return std::nullopt;
    names += (names.empty() ? "" : ", ") + instance.name;
  }
  return names.empty() ? "none" : names;
}

int Redeliver(const Options& options) {
  const auto loaded = LoadForCommand(options.config);
  if (!loaded.setup) return loaded.status;
  const auto names = options.receiver.empty()
                         ? std::nullopt
                         : NamesInsteadOf(options.receiver, loaded.setup->config);
  if (names) {
    return CannotRead(
        Error{"there is no receiver '" + options.receiver + "'; the configuration has: " + *names});
  }
  boost::json::object request{{"command", "redeliver"}};
  if (!options.receiver.empty()) request["receiver"] = options.receiver;
  int status = kNothingFound;
  const auto answer = Ask(options.config, request, status);
  if (!answer) return status;
  const auto* count = answer->if_contains("count");
  std::printf("%s to be delivered once more\n",
              count == nullptr ? "0" : boost::json::serialize(*count).c_str());
  return kNothingFound;
}

}  // namespace

void AddDeadLetterCommands(CLI::App& findings, int& status) {
  auto options = std::make_shared<Options>();

  auto* undelivered = findings.add_subcommand(
      "undelivered", "Show the notifications that a receiver refused, and why.");
  AddConfigOption(*undelivered, options->config);
  undelivered->callback([options, &status] { status = ShowUndelivered(*options); });

  auto* redeliver = findings.add_subcommand(
      "redeliver", "Deliver them once more, when the receiver can take them.");
  AddConfigOption(*redeliver, options->config);
  redeliver->add_option("RECEIVER", options->receiver, "of this receiver only (default: of all)");
  redeliver->callback([options, &status] { status = Redeliver(*options); });
}

}  // namespace postern::cli

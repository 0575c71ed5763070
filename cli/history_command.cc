// postern history HOST [PROTO/PORT]: what was seen of a host, and when it changed.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/history_output.h"
#include "cli/load.h"
#include "cli/staleness.h"
#include "core/suggest.h"
#include "daemon/targets.h"
#include "exporters/escape.h"
#include "storage/store.h"

namespace postern::cli {
namespace {

struct Options {
  std::string config;
  std::string format = "text";
  std::string host;
  std::string port;
};

int Fail(int status, const std::string& message) {
  std::fprintf(stderr, "postern: %s\n", exporters::EscapeTerminal(message).c_str());
  return status;
}

struct Address {
  IpAddress address;
  std::string host;
};

// The policy's name for the address; empty if it has none.
std::string HostOf(const policy::Policy& policy, const IpAddress& address) {
  for (const auto& host : policy.hosts) {
    if (std::ranges::find(host.addresses, address) != host.addresses.end()) return host.name;
  }
  return {};
}

// Those of a host, with what its names say at present. An answer that is missing is told.
std::vector<Address> AddressesOf(const policy::Host& host) {
  std::vector<Address> addresses;
  for (const auto& address : host.addresses) addresses.push_back({address, host.name});
  if (host.dns.empty()) return addresses;
  for (const auto& resolved : daemon::SystemResolver()(host.dns)) {
    if (!resolved.error.empty()) {
      std::fprintf(stderr, "postern: %s does not resolve (%s); its addresses are left out\n",
                   resolved.name.c_str(), resolved.error.c_str());
    }
    for (const auto& address : resolved.addresses) addresses.push_back({address, host.name});
  }
  return addresses;
}

Result<std::vector<Address>> Find(const policy::Policy& policy, const std::string& name) {
  if (const auto address = IpAddress::Parse(name)) {
    return std::vector<Address>{{*address, HostOf(policy, *address)}};
  }
  std::vector<std::string_view> names;
  for (const auto& host : policy.hosts) {
    if (host.name == name) return AddressesOf(host);
    names.push_back(host.name);
  }
  if (const auto* host = policy.FindHostByDns(name)) return AddressesOf(*host);
  const auto near = NearestName(name, names);
  return Error{"the policy has no host '" + name + "'" +
               (near ? "; did you mean '" + *near + "'?" : "; give its name there, or an address")};
}

std::string NeverSeen(const storage::Store& store, const std::vector<Address>& addresses,
                      const Options& options) {
  std::string text = "nothing was ever seen of " + options.host;
  if (!options.port.empty()) text += " " + options.port;
  if (addresses.size() != 1 || !options.port.empty()) return text + ": no scan has asked it yet";
  const auto near = store.NeighboursOf(addresses.front().address);
  if (!near || near->empty()) return text + ": no scan has asked it yet";
  text += "; the nearest addresses that were seen are " + near->front().ToString();
  return near->size() == 1 ? text : text + " and " + near->back().ToString();
}

// None if nothing was ever seen of it.
Result<std::optional<HistoryView>> Load(const storage::Store& store, const Address& address,
                                        const std::optional<ProtocolPort>& port) {
  auto history = store.History(address.address);
  if (!history) return history.error();
  const auto known = store.LastKnownStates(std::vector{address.address});
  if (!known) return known.error();
  HistoryView view{*std::move(history), {address.address, {}}, address.host, port};
  if (!known->empty()) view.known = known->front();
  if (!HasSeen(view)) return std::optional<HistoryView>();
  return std::optional(std::move(view));
}

Result<std::optional<ProtocolPort>> ReadPort(const std::string& text) {
  if (text.empty()) return std::optional<ProtocolPort>();
  const auto ports = PortSet::Parse(text, PortSet::BarePorts::kAreAnError);
  if (!ports) return ports.error();
  if (ports->size() != 1) return Error{"name one port, such as tcp/443"};
  return std::optional(ports->At(0));
}

int History(const Options& options) {
  const auto port = ReadPort(options.port);
  if (!port) return Fail(kCouldNotTell, port.error().message);
  const auto loaded = LoadForCommand(options.config);
  if (!loaded.setup) return loaded.status;
  const auto addresses = Find(*loaded.setup->policy, options.host);
  if (!addresses) return Fail(kFound, addresses.error().message);
  const auto store =
      storage::Store::Open(loaded.setup->config.storage_path, storage::Access::kRead);
  if (!store) return Fail(kCouldNotTell, store.error().message);
  WarnOfStaleScans(**store, loaded.setup->config);

  bool seen = false;
  for (const auto& address : *addresses) {
    const auto view = Load(**store, address, *port);
    if (!view) return Fail(kCouldNotTell, view.error().message);
    if (!*view) continue;
    seen = true;
    const auto text = options.format == "text" ? HistoryText(**view) : HistoryJsonLines(**view);
    std::fputs(text.c_str(), stdout);
  }
  if (!seen) return Fail(kFound, NeverSeen(**store, *addresses, options));
  return kNothingFound;
}

}  // namespace

void AddHistoryCommand(CLI::App& app, int& status) {
  auto* command = app.add_subcommand(
      "history",
      "What was seen of a host, what changed and when, and the findings with their evidence.\n"
      "As far back as `retention` keeps runs. Exit status: 0 something was seen, 1 nothing ever\n"
      "was, 2 could not tell.");
  auto options = std::make_shared<Options>();
  AddConfigOption(*command, options->config);
  command
      ->add_option("HOST", options->host, "host of the policy, one of its DNS names, or an address")
      ->required();
  command->add_option("PORT", options->port, "that port alone, such as tcp/443");
  command->add_option("--format", options->format, "text or jsonl")
      ->check(CLI::IsMember({"text", "jsonl"}))
      ->capture_default_str();
  command->callback([options, &status] { status = History(*options); });
}

}  // namespace postern::cli

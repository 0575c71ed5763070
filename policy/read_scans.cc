#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/top_ports.h"
#include "policy/read_config.h"

namespace postern::policy {
namespace {

constexpr std::size_t kDefaultTopPorts = 1000;

PortSet TopPorts(std::size_t count) {
  PortSet ports;
  const auto all = TopTcpPorts();
  for (const auto port : all.first(std::min(count, all.size()))) {
    ports.Add(Protocol::kTcp, {port, port});
  }
  return ports;
}

void CheckProtocol(YamlReader& reader, const YamlNode& node, const PortSet& ports,
                   Protocol wanted) {
  const auto other = wanted == Protocol::kTcp ? Protocol::kUdp : Protocol::kTcp;
  if (ports.ranges(other).empty()) return;
  const bool tcp = wanted == Protocol::kTcp;
  reader.Error(node, tcp ? "this stage scans TCP; put UDP ports in a scan of stage udp"
                         : "stage udp scans UDP; put TCP ports in a scan of stage top");
}

// The ports of a scan, with the stage's default where none are named.
PortSet ReadScanPorts(YamlReader& reader, const YamlNode& scan, const Fields& fields, Stage stage) {
  const auto* node = fields.Find("ports");
  const auto ports = reader.Ports(node);
  switch (stage) {
    case Stage::kDiscover:
    case Stage::kExpected:
      if (node != nullptr) {
        reader.Error(*node, "stage " + std::string(ToString(stage)) +
                                " takes its targets from the policy; remove 'ports'");
      }
      // discover: what the hosts that it finds are asked.
      return stage == Stage::kDiscover ? TopPorts(kDefaultTopPorts) : PortSet();
    case Stage::kTop:
    case Stage::kFull:
      if (ports) CheckProtocol(reader, *node, *ports, Protocol::kTcp);
      return ports.value_or(stage == Stage::kTop ? TopPorts(kDefaultTopPorts) : PortSet::AllTcp());
    case Stage::kUdp:
      if (ports) CheckProtocol(reader, *node, *ports, Protocol::kUdp);
      if (node == nullptr) reader.Error(scan, "stage udp needs 'ports', such as \"udp/53,123\"");
      return ports.value_or(PortSet());
    case Stage::kImport:
      return {};
  }
  return {};
}

// No scan can be scheduled as an import.
std::optional<Stage> ParseScheduledStage(std::string_view text) {
  const auto stage = ParseStage(text);
  return stage == Stage::kImport ? std::nullopt : stage;
}

// `expected` reports who is silent, so that it asks everybody; `discover` asks for nothing else.
bool ReadAssumeUp(YamlReader& reader, const YamlNode* node, std::optional<Stage> stage) {
  const auto assume_up = reader.Flag(node).value_or(true);
  if (node != nullptr && (stage == Stage::kExpected || stage == Stage::kDiscover)) {
    reader.Error(*node, "'assume_up' is for the stages top, full and udp; leave it out");
  }
  return assume_up;
}

std::optional<ScanConfig> ReadScan(YamlReader& reader, const YamlNode& node) {
  const Fields fields(reader, node, "a scan",
                      {"name", "stage", "every", "jitter", "ports", "assume_up"});
  ScanConfig scan;
  scan.where = reader.Where(node);
  const auto name = reader.Name(fields.Require("name"));
  const auto stage = reader.Choice(fields.Require("stage"), ParseScheduledStage,
                                   {"discover", "expected", "top", "full", "udp"});
  const auto every = reader.Period(fields.Require("every"), std::chrono::seconds(1));
  const auto* jitter_node = fields.Find("jitter");
  scan.jitter = reader.Period(jitter_node, Duration(0)).value_or(Duration(0));
  if (stage) scan.ports = ReadScanPorts(reader, node, fields, *stage);
  scan.assume_up = ReadAssumeUp(reader, fields.Find("assume_up"), stage);
  if (!name || !stage || !every) return std::nullopt;
  if (scan.jitter > *every) {
    reader.Error(*jitter_node, "jitter is longer than 'every' (" + FormatDuration(*every) + ")");
  }
  scan.name = *name;
  scan.stage = *stage;
  scan.every = *every;
  return scan;
}

// tcp/443
std::optional<ProtocolPort> ReadPort(YamlReader& reader, const YamlNode* node) {
  const auto ports = reader.Ports(node);
  if (!ports) return std::nullopt;
  if (ports->size() == 1) return ports->At(0);
  reader.Error(*node, "a canary is one port, such as tcp/443");
  return std::nullopt;
}

std::optional<Canary> ReadCanary(YamlReader& reader, const YamlNode& node) {
  const Fields fields(reader, node, "a canary", {"address", "port", "state"});
  const auto address = reader.Address(fields.Require("address"));
  const auto port = ReadPort(reader, fields.Require("port"));
  const auto state =
      reader.Choice(fields.Require("state"), ParsePortState, {"open", "closed", "filtered"});
  if (!address || !port || !state) return std::nullopt;
  return Canary{{*address, port->protocol, port->port}, *state, reader.Where(node)};
}

}  // namespace

std::vector<ScanConfig> ReadScans(YamlReader& reader, const YamlNode* node) {
  std::vector<ScanConfig> scans;
  std::map<std::string, SourceLocation> names;
  for (const YamlNode* item : reader.Items(node)) {
    auto scan = ReadScan(reader, *item);
    if (!scan) continue;
    const auto [first, added] = names.emplace(scan->name, scan->where);
    if (!added) {
      reader.problems().Error(scan->where, "a second scan '" + scan->name + "'; names differ",
                              first->second, "the first one");
    }
    scans.push_back(std::move(*scan));
  }
  return scans;
}

std::vector<Canary> ReadCanaries(YamlReader& reader, const YamlNode* node) {
  std::vector<Canary> canaries;
  std::map<Endpoint, SourceLocation> endpoints;
  for (const YamlNode* item : reader.Items(node)) {
    const auto canary = ReadCanary(reader, *item);
    if (!canary) continue;
    const auto [first, added] = endpoints.emplace(canary->endpoint, canary->where);
    if (!added) {
      reader.problems().Error(
          canary->where,
          "a second canary " + ToString(canary->endpoint) + "; canaries are different endpoints",
          first->second, "the first one");
    }
    canaries.push_back(*canary);
  }
  return canaries;
}

}  // namespace postern::policy

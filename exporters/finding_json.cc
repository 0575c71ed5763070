#include "exporters/finding_json.h"

#include <boost/json.hpp>

#include "core/port_set.h"
#include "exporters/escape.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;

json::object LabelsOf(const Drift& drift) {
  json::object labels;
  for (const auto& [name, value] : drift.labels) labels.emplace(name, ValidUtf8(value));
  return labels;
}

json::array AddressesOf(const Drift& drift) {
  json::array addresses;
  for (const auto& address : drift.addresses) addresses.emplace_back(address.ToString());
  return addresses;
}

void AddPorts(const PortSet& ports, json::object& object) {
  constexpr std::size_t kMostRanges = 256;
  const auto shown = ports.FirstRanges(kMostRanges);
  object["ports"] = shown.ToString();
  const auto more = ports.size() - shown.size();
  if (more > 0) object["more_ports"] = more;
}

void AddDrift(const Drift& drift, json::object& object) {
  object["kind"] = ToString(drift.kind);
  object["severity"] = ToString(drift.severity);
  object["host"] = drift.host;
  object["owner"] = ValidUtf8(drift.owner);
  object["labels"] = LabelsOf(drift);
  const auto place = PlaceOf(drift);
  object["address"] = place.address;
  object["family"] = place.family;
  object["protocol"] = place.protocol;
  object["port"] = drift.port;
  AddPorts(drift.ports, object);
  object["observed"] = ObservedState(drift);
  object["reason"] = place.address.empty() ? "" : ToString(drift.observed.reason);
  object["only_family"] = drift.only_family;
  if (!place.name.empty()) {
    object["name"] = place.name;
    object["addresses"] = AddressesOf(drift);
  }
  if (!place.scan.empty()) object["scan"] = place.scan;
  object["expected"] = drift.expected;
  object["rule"] = ValidUtf8(drift.rule);
  object["summary"] = ValidUtf8(Summary(drift));
}

json::object Acknowledged(const Acknowledgement& said) {
  return {{"by", ValidUtf8(said.by)},
          {"at", FormatTime(said.at)},
          {"until", FormatTime(said.until)},
          {"comment", ValidUtf8(said.comment)}};
}

json::object ObjectOf(const Evidence& evidence) {
  const auto& [id, episode, made, run, rates, exchange] = evidence;
  json::object object = {{"episode", episode},
                         {"made", FormatTime(made)},
                         {"run", run.id},
                         {"scan", run.scan},
                         {"stage", ToString(run.stage)},
                         {"run_started", FormatTime(run.started)},
                         {"viewpoint", run.viewpoint},
                         {"policy_hash", run.policy_hash},
                         {"program_version", run.program_version},
                         {"seed", std::to_string(run.seed)},
                         {"rate", rates.overall},
                         {"host_rate", rates.host},
                         {"network_rate", rates.network},
                         {"packets", exchange.packets},
                         {"pcap_bytes", exchange.pcap.size()}};
  if (exchange.answers.empty()) return object;
  object["started"] = FormatTime(exchange.started);
  object["finished"] = FormatTime(exchange.finished);
  object["source"] = exchange.source ? exchange.source->ToString() : "";
  object["interface"] = exchange.interface;
  object["address"] = exchange.address.ToString();
  auto& answers = object["answers"].emplace_array();
  for (const auto& [ports, verdict] : exchange.answers.ranges()) {
    answers.push_back(json::object{{"ports", PortSet::Of(exchange.protocol, {ports}).ToString()},
                                   {"state", ToString(verdict.state)},
                                   {"reason", ToString(verdict.reason)}});
  }
  object["nmap"] = NmapCommand(exchange, rates.host);
  return object;
}

void AddHeld(const HeldNews* held, json::object& object) {
  if (held == nullptr) return;
  object["held"] =
      json::object{{"window", ValidUtf8(held->window)}, {"since", FormatTime(held->since)}};
}

}  // namespace

json::object FindingObject(const Finding& finding) {
  json::object object;
  object["id"] = DisplayId(finding);
  object["episode"] = finding.episode;
  object["viewpoint"] = finding.viewpoint;
  object["state"] = ToString(finding.state);
  AddDrift(finding.drift, object);
  object["policy_hash"] = finding.policy_hash;
  object["first_seen"] = FormatTime(finding.first_seen);
  object["last_seen"] = FormatTime(finding.last_seen);
  if (finding.unverified_since) {
    object["unverified_since"] = FormatTime(*finding.unverified_since);
  }
  if (finding.state == FindingState::kAcknowledged && finding.acknowledgement) {
    object["acknowledged"] = Acknowledged(*finding.acknowledgement);
  }
  if (finding.opened) object["opened"] = FormatTime(*finding.opened);
  if (finding.state == FindingState::kResolved) {
    if (finding.resolved) object["resolved"] = FormatTime(*finding.resolved);
    if (finding.resolution) object["resolution"] = ToString(*finding.resolution);
    if (!finding.resolved_by.empty()) object["resolved_by"] = finding.resolved_by;
  }
  return object;
}

std::string FindingJson(const Finding& finding, const HeldNews* held) {
  auto object = FindingObject(finding);
  AddHeld(held, object);
  return json::serialize(object);
}

std::string FindingJson(const Finding& finding, const std::vector<Evidence>& evidence,
                        const HeldNews* held) {
  auto object = FindingObject(finding);
  AddHeld(held, object);
  auto& list = object["evidence"].emplace_array();
  for (const auto& one : evidence) list.push_back(ObjectOf(one));
  return json::serialize(object);
}

}  // namespace postern::exporters

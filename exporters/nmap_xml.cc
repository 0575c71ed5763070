#include "exporters/nmap_xml.h"

#include <algorithm>
#include <string_view>

#include "core/counted.h"
#include "exporters/escape.h"

namespace postern::exporters {
namespace {

// nmap too lists the ports of a state one by one up to this many.
constexpr std::size_t kFewPorts = 25;

// ` name="value"`
std::string Attribute(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + EscapeXml(value) + "\"";
}

std::string Attribute(std::string_view name, std::uint64_t value) {
  return Attribute(name, std::to_string(value));
}

std::string Seconds(TimePoint time) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

std::string_view NmapState(PortState state) {
  return state == PortState::kOpenFiltered ? "open|filtered" : ToString(state);
}

// ICMP destination unreachable codes: RFC 792 and RFC 1812 section 5.2.7.1.
std::string_view NmapIcmpReason(const Reason& reason) {
  if (reason.type == 11) return "time-exceeded";
  if (reason.type != 3) return "unknown-response";
  switch (reason.code) {
    case 0:
      return "net-unreach";
    case 1:
      return "host-unreach";
    case 2:
      return "proto-unreach";
    case 3:
      return "port-unreach";
    case 9:
      return "net-prohibited";
    case 10:
      return "host-prohibited";
    case 13:
      return "admin-prohibited";
    default:
      return "dest-unreach";
  }
}

// ICMPv6 destination unreachable codes: RFC 4443 section 3.1.
std::string_view NmapIcmp6Reason(const Reason& reason) {
  if (reason.type == 3) return "time-exceeded";
  if (reason.type != 1) return "unknown-response";
  switch (reason.code) {
    case 0:
      return "no-route";
    case 1:
      return "admin-prohibited";
    case 2:
      return "beyond-scope";
    case 3:
      return "host-unreach";
    case 4:
      return "port-unreach";
    case 5:
      return "admin-prohibited";
    case 6:
      return "reject-route";
    default:
      return "dest-unreach";
  }
}

std::string_view NmapReason(const Reason& reason) {
  switch (reason.kind) {
    case Reason::Kind::kNotProbed:
    case Reason::Kind::kLocalError:
    case Reason::Kind::kHostIcmp:
      return "unknown-response";
    case Reason::Kind::kArp:
      return "arp-response";
    case Reason::Kind::kNeighbourDiscovery:
      return "nd-response";
    case Reason::Kind::kEcho:
      return "echo-reply";
    case Reason::Kind::kTimestamp:
      return "timestamp-reply";
    case Reason::Kind::kSynAck:
      return "syn-ack";
    case Reason::Kind::kReset:
      return "conn-refused";
    case Reason::Kind::kUdpResponse:
      return "udp-response";
    case Reason::Kind::kNoResponse:
    case Reason::Kind::kNoNeighbour:
      return "no-response";
    case Reason::Kind::kIcmp:
      return NmapIcmpReason(reason);
    case Reason::Kind::kIcmp6:
      return NmapIcmp6Reason(reason);
  }
  return "unknown-response";
}

// nmap's port lists have no protocol: "22,80-90".
std::string PortList(const PortSet& ports, Protocol protocol) {
  std::string list = PortSet::Of(protocol, ports.ranges(protocol)).ToString();
  return list.empty() ? list : list.substr(list.find('/') + 1);
}

std::string ScanInfo(const ScanReport& report) {
  PortSet asked;
  for (const auto& states : report.snapshot.addresses) asked.Add(AskedPorts(states));
  std::string text;
  for (const auto protocol : kProtocols) {
    const auto one = PortSet::Of(protocol, asked.ranges(protocol));
    if (one.empty()) continue;
    text += "<scaninfo" +
            Attribute("type", protocol == Protocol::kTcp ? report.tcp_method : "udp") +
            Attribute("protocol", ToString(protocol)) + Attribute("numservices", one.size()) +
            Attribute("services", PortList(one, protocol)) + "/>\n";
  }
  return text;
}

bool IsKnown(const AddressStates& states) {
  return PortsIn(states, PortState::kUnknown).size() < AskedPorts(states).size();
}

// What the host itself answered first; a silent one is assumed to be up, as by nmap -Pn.
std::string_view StatusReason(const AddressStates& states) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      const auto state = range.verdict.state;
      if (state == PortState::kOpen || state == PortState::kClosed) {
        return NmapReason(range.verdict.reason);
      }
    }
  }
  return "user-set";
}

std::string Status(const AddressStates& states) {
  return "<status" + Attribute("state", IsKnown(states) ? "up" : "unknown") +
         Attribute("reason", StatusReason(states)) + Attribute("reason_ttl", "0") + "/>\n";
}

std::string HostNames(const ScanReport& report, const IpAddress& address) {
  const auto names = report.names.find(address);
  if (names == report.names.end()) return {};
  std::string text = "<hostnames>\n";
  for (const auto& name : names->second) {
    text += "<hostname" + Attribute("name", name) + Attribute("type", "user") + "/>\n";
  }
  return text + "</hostnames>\n";
}

// The ports of one state by reason, for the extrareasons of one protocol.
std::map<Reason, PortSet> PortsByReason(const AddressStates& states, Protocol protocol,
                                        PortState state) {
  std::map<Reason, PortSet> ports;
  for (const auto& range : states.of(protocol).ranges()) {
    if (range.verdict.state == state) ports[range.verdict.reason].Add(protocol, range.ports);
  }
  return ports;
}

std::string ExtraPorts(const AddressStates& states, PortState state, std::size_t count) {
  std::string text =
      "<extraports" + Attribute("state", NmapState(state)) + Attribute("count", count) + ">\n";
  for (const auto protocol : kProtocols) {
    for (const auto& [reason, ports] : PortsByReason(states, protocol, state)) {
      text += "<extrareasons" + Attribute("reason", NmapReason(reason)) +
              Attribute("count", ports.size()) + Attribute("proto", ToString(protocol)) +
              Attribute("ports", PortList(ports, protocol)) + "/>\n";
    }
  }
  return text + "</extraports>\n";
}

bool IsSummedUp(const StateCounts& counts, PortState state) {
  return state != PortState::kOpen && state != PortState::kUnknown && counts.of(state) > kFewPorts;
}

std::string Port(const Endpoint& endpoint, const Verdict& verdict, const Observation* open) {
  const int ttl = open == nullptr ? 0 : open->ttl.value_or(std::uint8_t{0});
  return "<port" + Attribute("protocol", ToString(endpoint.protocol)) +
         Attribute("portid", endpoint.port) + "><state" +
         Attribute("state", NmapState(verdict.state)) +
         Attribute("reason", NmapReason(verdict.reason)) +
         Attribute("reason_ttl", std::to_string(ttl)) + "/></port>\n";
}

std::string Ports(const ScanReport& report, const AddressStates& states) {
  const StateCounts counts(states);
  std::string text = "<ports>\n";
  for (const auto state : kListedStates) {
    if (IsSummedUp(counts, state)) text += ExtraPorts(states, state, counts.of(state));
  }
  for (const auto protocol : kProtocols) {
    for (const auto& [ports, verdict] : states.of(protocol).ranges()) {
      if (verdict.state == PortState::kUnknown || IsSummedUp(counts, verdict.state)) continue;
      for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
        const Endpoint endpoint{states.address, protocol, static_cast<std::uint16_t>(port)};
        text += Port(endpoint, verdict, report.OpenAt(endpoint));
      }
    }
  }
  return text + "</ports>\n";
}

std::string UnknownComment(const AddressStates& states) {
  const PortSet unknown = PortsIn(states, PortState::kUnknown);
  return unknown.empty() ? "" : Attribute("comment", "unknown: " + unknown.ToString());
}

std::string Host(const ScanReport& report, const AddressStates& states) {
  const auto& run = report.snapshot.run;
  return "<host" + Attribute("starttime", Seconds(run.started)) +
         Attribute("endtime", Seconds(run.finished)) + UnknownComment(states) + ">" +
         Status(states) + "<address" + Attribute("addr", states.address.ToString()) +
         Attribute("addrtype", ToString(states.address.family())) + "/>\n" +
         HostNames(report, states.address) + Ports(report, states) + "</host>\n";
}

std::string RunStats(const ScanReport& report) {
  const auto& run = report.snapshot.run;
  const auto& coverage = report.snapshot.coverage;
  const auto& addresses = report.snapshot.addresses;
  const std::string elapsed = Decimal(static_cast<double>(report.elapsed.count()) / 1000.0, 2);
  std::string text = "<runstats><finished" + Attribute("time", Seconds(run.finished)) +
                     Attribute("timestr", FormatTime(run.finished)) +
                     Attribute("elapsed", elapsed) +
                     Attribute("summary", Counted(coverage.asked, "endpoint") + " of " +
                                              Counted(addresses.size(), "address") + " asked in " +
                                              elapsed + " seconds");
  if (coverage.complete && coverage.unknown == 0) {
    text += Attribute("exit", "success");
  } else {
    text +=
        Attribute("exit", "error") +
        Attribute("errormsg", Counted(coverage.unknown, "endpoint") + " unknown, " +
                                  Counted(coverage.unresolved.size(), "name") + " not resolved");
  }
  const auto up = std::count_if(addresses.begin(), addresses.end(), IsKnown);
  return text + "/><hosts" + Attribute("up", static_cast<std::uint64_t>(up)) +
         Attribute("down", "0") + Attribute("total", addresses.size()) + "/>\n</runstats>\n";
}

std::string CommandLine(const std::vector<std::string>& arguments) {
  std::string line;
  for (const auto& argument : arguments) line += (line.empty() ? "" : " ") + argument;
  return line;
}

}  // namespace

std::string FormatNmapXml(const ScanReport& report) {
  const auto& run = report.snapshot.run;
  std::string xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n<nmaprun" +
      Attribute("scanner", "nmap") + Attribute("args", CommandLine(report.arguments)) +
      Attribute("start", Seconds(run.started)) + Attribute("startstr", FormatTime(run.started)) +
      Attribute("version", run.program_version + " (postern)") +
      Attribute("xmloutputversion", "1.05") + ">\n" + ScanInfo(report) +
      "<verbose level=\"0\"/>\n<debugging level=\"0\"/>\n";
  for (const auto& states : report.snapshot.addresses) xml += Host(report, states);
  return xml + RunStats(report) + "</nmaprun>\n";
}

}  // namespace postern::exporters

#include "exporters/scan_jsonl.h"

#include <string_view>

#include "exporters/escape.h"

namespace postern::exporters {
namespace {

std::string Quoted(std::string_view word) { return '"' + std::string(word) + '"'; }

std::string NameList(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ",") + JsonString(name);
  return "[" + list + "]";
}

std::string EndpointLine(const Endpoint& endpoint, const Verdict& verdict,
                         const Observation* observation) {
  std::string line = R"({"type":"endpoint","address":)" + Quoted(endpoint.address.ToString()) +
                     R"(,"protocol":)" + Quoted(ToString(endpoint.protocol)) + R"(,"port":)" +
                     std::to_string(endpoint.port) + R"(,"state":)" +
                     Quoted(ToString(verdict.state)) + R"(,"reason":)" +
                     Quoted(ToString(verdict.reason));
  if (observation != nullptr && observation->rtt) {
    line += R"(,"rtt_ms":)" + Decimal(static_cast<double>(observation->rtt->count()) / 1000.0, 3);
  }
  if (observation != nullptr && observation->ttl) {
    line += R"(,"ttl":)" + std::to_string(*observation->ttl);
  }
  return line + "}\n";
}

void AddEndpointLines(const ScanReport& report, const AddressStates& states, PortState most_common,
                      std::string& lines) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      const bool listed =
          range.verdict.state == PortState::kOpen || range.verdict.state != most_common;
      if (!listed) continue;
      for (std::uint32_t port = range.ports.first; port <= range.ports.last; ++port) {
        const Endpoint endpoint{states.address, protocol, static_cast<std::uint16_t>(port)};
        lines += EndpointLine(endpoint, range.verdict, report.OpenAt(endpoint));
      }
    }
  }
}

std::string HostLine(const AddressStates& states, const StateCounts& counts,
                     const std::vector<std::string>& names) {
  std::string line = R"({"type":"host","address":)" + Quoted(states.address.ToString());
  if (!names.empty()) line += R"(,"names":)" + NameList(names);
  line += R"(,"asked":)" + Quoted(AskedPorts(states).ToString()) + R"(,"states":{)";
  std::string_view comma;
  for (const auto state : kListedStates) {
    if (counts.of(state) == 0) continue;
    line += std::string(comma) + Quoted(ToString(state)) + ":" + std::to_string(counts.of(state));
    comma = ",";
  }
  return line + "}}\n";
}

std::string SendErrors(const Coverage& coverage) {
  std::string list;
  for (const auto& [name, count] : coverage.send_errors) {
    list += (list.empty() ? "" : ",") + JsonString(name) + ":" + std::to_string(count);
  }
  return "{" + list + "}";
}

std::string HeldBack(const Coverage& coverage) {
  std::string list;
  for (const auto& [bound, time] : coverage.held_back) {
    list += (list.empty() ? "" : ",") + Quoted(ToString(bound)) + ":" +
            Decimal(std::chrono::duration<double>(time).count(), 3);
  }
  return "{" + list + "}";
}

std::string SlowHosts(const Coverage& coverage) {
  std::string list;
  for (const auto& address : coverage.slow_hosts) {
    list += (list.empty() ? "" : ",") + Quoted(address.ToString());
  }
  return "[" + list + "]";
}

// The seed is a text: JavaScript's numbers have 53 bits.
std::string SummaryLine(const ScanReport& report) {
  const auto& run = report.snapshot.run;
  const auto& coverage = report.snapshot.coverage;
  const auto number = [](std::string_view key, std::uint64_t value) {
    return ",\"" + std::string(key) + "\":" + std::to_string(value);
  };
  return R"({"type":"summary","version":)" + JsonString(run.program_version) + R"(,"started":)" +
         Quoted(FormatTime(run.started)) + R"(,"finished":)" + Quoted(FormatTime(run.finished)) +
         (run.viewpoint.empty() ? "" : R"(,"viewpoint":)" + JsonString(run.viewpoint)) +
         R"(,"seconds":)" + Decimal(static_cast<double>(report.elapsed.count()) / 1000.0, 3) +
         R"(,"seed":)" + Quoted(std::to_string(run.seed)) +
         number("hosts", report.snapshot.addresses.size()) + number("endpoints", coverage.asked) +
         number("unknown", coverage.unknown) + number("probes_sent", coverage.probes_sent) +
         number("replies", coverage.replies) + number("retransmits", coverage.retransmits) +
         number("capture_drops", coverage.capture_drops) + R"(,"send_errors":)" +
         SendErrors(coverage) + R"(,"estimated_loss":)" + Decimal(coverage.estimated_loss, 6) +
         R"(,"miss_probability":)" + Scientific(coverage.miss_probability) + R"(,"unresolved":)" +
         NameList(coverage.unresolved) + R"(,"held_back":)" + HeldBack(coverage) +
         R"(,"slow_hosts":)" + SlowHosts(coverage) + R"(,"complete":)" +
         (coverage.complete ? "true" : "false") + "}\n";
}

}  // namespace

std::string FormatScanJsonLines(const ScanReport& report) {
  std::string lines;
  for (const auto& states : report.snapshot.addresses) {
    const StateCounts counts(states);
    const auto names = report.names.find(states.address);
    AddEndpointLines(report, states, counts.MostCommon(), lines);
    lines += HostLine(states, counts,
                      names == report.names.end() ? std::vector<std::string>{} : names->second);
  }
  return lines + SummaryLine(report);
}

}  // namespace postern::exporters

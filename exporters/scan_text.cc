#include "exporters/scan_text.h"

#include <algorithm>
#include <string_view>

#include "core/counted.h"
#include "exporters/escape.h"

namespace postern::exporters {
namespace {

// Up to this many ports of a state are always listed, as nmap does, and up to this many open
// neighbours get a line each; beyond it they share one.
constexpr std::size_t kFewPorts = 25;
// A state scattered over more ranges than this is summed up: nobody reads the table any more, and a
// host that limits its resets alternates between closed and filtered thousands of times.
constexpr std::size_t kManyRanges = 100;
constexpr std::size_t kLongestPortList = 100;  // characters

struct Row {
  std::string port;
  std::string state;
  std::string reason;
};

std::string Padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::size_t RangesIn(const AddressStates& states, PortState state) {
  std::size_t count = 0;
  for (const auto protocol : kProtocols) {
    const auto& ranges = states.of(protocol).ranges();
    count += static_cast<std::size_t>(std::count_if(
        ranges.begin(), ranges.end(),
        [&](const PortStates::Range& range) { return range.verdict.state == state; }));
  }
  return count;
}

// The states of an address that its table has rows for.
std::vector<PortState> TableStates(const AddressStates& states) {
  const StateCounts counts(states);
  std::vector<PortState> shown = {PortState::kOpen};
  for (const auto state : {PortState::kClosed, PortState::kFiltered, PortState::kOpenFiltered}) {
    const bool few = counts.of(state) <= kFewPorts;
    const bool scattered = RangesIn(states, state) > kManyRanges;
    if (few || (state != counts.MostCommon() && !scattered)) shown.push_back(state);
  }
  return shown;
}

bool Holds(const std::vector<PortState>& states, PortState state) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

std::vector<Row> TableRows(const AddressStates& states, const std::vector<PortState>& shown) {
  std::vector<Row> rows;
  for (const auto protocol : kProtocols) {
    const std::string suffix = "/" + std::string(ToString(protocol));
    for (const auto& [ports, verdict] : states.of(protocol).ranges()) {
      if (!Holds(shown, verdict.state)) continue;
      const std::string state(ToString(verdict.state));
      const std::string reason = ToString(verdict.reason);
      const bool one_by_one =
          ports.size() == 1 || (verdict.state == PortState::kOpen && ports.size() <= kFewPorts);
      if (!one_by_one) {
        rows.push_back({std::to_string(ports.first) + "-" + std::to_string(ports.last) + suffix,
                        state, reason});
        continue;
      }
      for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
        rows.push_back({std::to_string(port) + suffix, state, reason});
      }
    }
  }
  return rows;
}

std::string Table(const std::vector<Row>& rows) {
  if (rows.empty()) return {};
  const Row heading = {"PORT", "STATE", "REASON"};
  std::size_t port_width = heading.port.size();
  std::size_t state_width = heading.state.size();
  for (const auto& row : rows) {
    port_width = std::max(port_width, row.port.size());
    state_width = std::max(state_width, row.state.size());
  }
  const auto line = [&](const Row& row) {
    return Padded(row.port, port_width) + "  " + Padded(row.state, state_width) + "  " +
           row.reason + "\n";
  };
  std::string table = line(heading);
  for (const auto& row : rows) table += line(row);
  return table;
}

// "rst", or with several "65000 no-response, 535 icmp-3-13": the reasons of a state's endpoints.
std::string Reasons(const AddressStates& states, PortState state) {
  std::map<Reason, std::size_t> counts;
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      if (range.verdict.state == state) counts[range.verdict.reason] += range.ports.size();
    }
  }
  if (counts.size() == 1) return ToString(counts.begin()->first);
  std::string text;
  for (const auto& [reason, count] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + ToString(reason);
  }
  return text;
}

std::string NotShownLine(const AddressStates& states, const std::vector<PortState>& shown) {
  const StateCounts counts(states);
  std::string text;
  for (const auto state : {PortState::kClosed, PortState::kFiltered, PortState::kOpenFiltered}) {
    if (Holds(shown, state) || counts.of(state) == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(counts.of(state)) + " " +
            std::string(ToString(state)) + " (" + Reasons(states, state) + ")";
  }
  return text.empty() ? text : "Not shown: " + text + "\n";
}

std::string UnknownLine(const AddressStates& states) {
  const PortSet unknown = PortsIn(states, PortState::kUnknown);
  if (unknown.empty()) return {};
  std::string list = unknown.ToString();
  if (list.size() > kLongestPortList) {
    list.erase(list.rfind(',', kLongestPortList) + 1);
    list += "...";
  }
  return "Unknown: " + Counted(unknown.size(), "port") + " without a verdict (" +
         Reasons(states, PortState::kUnknown) + "): " + list + "\n";
}

std::string Body(const AddressStates& states) {
  const auto shown = TableStates(states);
  return Table(TableRows(states, shown)) + NotShownLine(states, shown) + UnknownLine(states);
}

std::string Heading(const ScanReport& report, const IpAddress& address) {
  const auto names = report.names.find(address);
  if (names == report.names.end()) return address.ToString();
  std::string text;
  for (const auto& name : names->second) text += (text.empty() ? "" : ", ") + EscapeTerminal(name);
  return text + " (" + address.ToString() + ")";
}

bool SharesHeading(const ScanReport& report, const AddressStates& first,
                   const AddressStates& other) {
  return other.ports == first.ports && !report.names.contains(other.address);
}

// The addresses from `first` on that share a heading with it; 1 for one that has something to show.
std::size_t RunLength(const ScanReport& report, std::size_t first) {
  const auto& addresses = report.snapshot.addresses;
  const bool has_name = report.names.contains(addresses[first].address);
  if (has_name || StateCounts(addresses[first]).of(PortState::kOpen) > 0) return 1;
  std::size_t length = 1;
  while (first + length < addresses.size() &&
         SharesHeading(report, addresses[first], addresses[first + length])) {
    ++length;
  }
  return length;
}

std::string Addresses(const ScanReport& report) {
  const auto& addresses = report.snapshot.addresses;
  std::string text;
  for (std::size_t i = 0; i < addresses.size();) {
    const std::size_t length = RunLength(report, i);
    text += Heading(report, addresses[i].address);
    if (length > 1) {
      text += " to " + addresses[i + length - 1].address.ToString() + " (" +
              Counted(length, "address") + " alike)";
    }
    text += "\n" + Body(addresses[i]) + "\n";
    i += length;
  }
  return text;
}

std::string Completeness(const Coverage& coverage) {
  std::string text = coverage.complete ? "complete" : "incomplete";
  if (coverage.unknown > 0) {
    text += ", " + Counted(coverage.unknown, "endpoint") + " unknown";
  }
  for (const auto& name : coverage.unresolved) text += ", not resolved: " + EscapeTerminal(name);
  return text;
}

std::string SummaryLine(const ScanReport& report) {
  const auto& coverage = report.snapshot.coverage;
  std::uint64_t open = 0;
  for (const auto& states : report.snapshot.addresses) {
    open += StateCounts(states).of(PortState::kOpen);
  }
  std::string line =
      Counted(coverage.asked, "endpoint") + " of " +
      Counted(report.snapshot.addresses.size(), "address") + ", " + std::to_string(open) +
      " open, in " + Decimal(static_cast<double>(report.elapsed.count()) / 1000.0, 1) + " s; " +
      Counted(coverage.probes_sent, "probe") + ", " + Counted(coverage.retransmits, "retransmit") +
      ", estimated loss " + Decimal(coverage.estimated_loss * 100, 2) + " %";
  if (coverage.miss_probability > 0) {
    line += ", miss probability " + Scientific(coverage.miss_probability);
  }
  if (coverage.capture_drops > 0) {
    line += ", " + std::to_string(coverage.capture_drops) + " capture drops";
  }
  for (const auto& [name, count] : coverage.send_errors) {
    line += ", " + Counted(count, "send error") + " " + EscapeTerminal(name);
  }
  return line + "; " + Completeness(coverage) + "\n";
}

}  // namespace

std::string FormatScanText(const ScanReport& report) {
  return Addresses(report) + SummaryLine(report);
}

}  // namespace postern::exporters

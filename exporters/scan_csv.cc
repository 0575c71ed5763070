#include "exporters/scan_csv.h"

#include "exporters/escape.h"

namespace postern::exporters {
namespace {

std::string RowsOf(const AddressStates& states, const std::string& name,
                   const std::string& circumstances) {
  std::string rows;
  for (const auto protocol : kProtocols) {
    for (const auto& [ports, verdict] : states.of(protocol).ranges()) {
      rows += circumstances + states.address.ToString() + "," + CsvCell(name) + "," +
              std::string(ToString(protocol)) + "," + std::to_string(ports.first) + "," +
              std::to_string(ports.last) + "," + std::string(ToString(verdict.state)) + "," +
              ToString(verdict.reason) + "\r\n";
    }
  }
  return rows;
}

}  // namespace

std::string CsvCell(std::string_view text) {
  constexpr std::string_view kFormulaStarts = "=+-@\t\r\n";
  std::string cell = ValidUtf8(text);
  if (!cell.empty() && kFormulaStarts.find(cell.front()) != std::string_view::npos) {
    cell.insert(0, 1, '\'');
  }
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string FormatScanCsv(const ScanReport& report) {
  const auto& run = report.snapshot.run;
  const std::string circumstances = (run.id == 0 ? "" : std::to_string(run.id)) + "," +
                                    FormatTime(run.finished) + "," + CsvCell(run.viewpoint) + "," +
                                    CsvCell(run.scan) + ",";
  std::string text =
      "snapshot,time,viewpoint,scan,address,name,protocol,first_port,last_port,state,reason\r\n";
  for (const auto& states : report.snapshot.addresses) {
    const auto names = report.names.find(states.address);
    const bool named = names != report.names.end() && !names->second.empty();
    text += RowsOf(states, named ? names->second.front() : "", circumstances);
  }
  return text;
}

}  // namespace postern::exporters

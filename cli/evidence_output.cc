#include "cli/evidence_output.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "cli/output_file.h"
#include "core/port_set.h"
#include "exporters/escape.h"

namespace postern::cli {
namespace {

std::string RangeText(Protocol protocol, const PortRange& ports) {
  return PortSet::Of(protocol, {ports}).ToString();
}

std::string VerdictText(const Verdict& verdict) {
  return std::string(ToString(verdict.state)) + " (" + ToString(verdict.reason) + ")";
}

std::string AnswersText(const Exchange& exchange) {
  std::string text;
  for (const auto& [ports, verdict] : exchange.answers.ranges()) {
    text += (text.empty() ? "" : ", ") + RangeText(exchange.protocol, ports) + " " +
            VerdictText(verdict);
  }
  return text;
}

std::string Line(const std::string& name, const std::string& value) {
  return "  " + name + std::string(11 - name.size(), ' ') + exporters::EscapeTerminal(value) + "\n";
}

std::string RateText(double rate) { return std::to_string(std::llround(rate)); }

std::string RatesText(const AllowedRates& rates) {
  return "at most " + RateText(rates.overall) + " packets a second, " + RateText(rates.host) +
         " a host, " + RateText(rates.network) + " a network";
}

// The part that only an exchange has.
std::string ExchangeText(const Evidence& evidence) {
  const auto& exchange = evidence.exchange;
  if (exchange.answers.empty()) return Line("packets", exchange.packets);
  return Line("asked", FormatTime(exchange.started) + " to " + FormatTime(exchange.finished)) +
         Line("from", (exchange.source ? exchange.source->ToString() : "-") + " through " +
                          (exchange.interface.empty() ? "-" : exchange.interface)) +
         Line("to", exchange.address.ToString()) + Line("answers", AnswersText(exchange)) +
         Line("packets", exchange.packets) +
         Line("repeat", NmapCommand(exchange, evidence.rates.host));
}

std::string OneText(const Evidence& evidence) {
  const auto& run = evidence.run;
  return "evidence of episode " + std::to_string(evidence.episode) + ", made " +
         FormatTime(evidence.made) + "\n" +
         Line("run", std::to_string(run.id) + " of scan " + run.scan + " (" +
                         std::string(ToString(run.stage)) + "), begun " + FormatTime(run.started)) +
         Line("viewpoint", run.viewpoint) + Line("policy", run.policy_hash) +
         Line("program", "postern " + run.program_version) +
         Line("rates", RatesText(evidence.rates)) + Line("seed", std::to_string(run.seed)) +
         ExchangeText(evidence);
}

}  // namespace

std::string EvidenceText(const std::vector<Evidence>& evidence) {
  if (evidence.empty()) {
    return "no evidence: the finding is not confirmed yet, or its evidence was too old to be "
           "kept\n";
  }
  std::string text;
  for (const auto& one : evidence) text += OneText(one);
  return text;
}

Result<void> WritePackets(const std::vector<Evidence>& evidence, const std::string& path) {
  const auto with = std::ranges::find_if(
      evidence, [](const Evidence& one) { return !one.exchange.pcap.empty(); });
  if (with == evidence.end()) {
    return Error{"there are no packets: " +
                 (evidence.empty() ? std::string("no evidence is kept of this finding")
                                   : evidence.front().exchange.packets)};
  }
  const auto& pcap = with->exchange.pcap;
  const std::string_view bytes(reinterpret_cast<const char*>(pcap.data()), pcap.size());
  if (path == "-") return WriteAll(STDOUT_FILENO, bytes);
  auto file = OutputFile::Create(path);
  if (!file) return file.error();
  return file->Commit(bytes);
}

}  // namespace postern::cli

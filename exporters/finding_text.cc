#include "exporters/finding_text.h"

#include <algorithm>

#include "exporters/escape.h"

namespace postern::exporters {
namespace {

constexpr std::size_t kNameWidth = 14;

}  // namespace

std::string OneLine(std::string_view text, std::size_t size) {
  auto line = EscapeTerminal(text.substr(0, size));
  if (text.size() <= size && line.size() <= size) return line;
  constexpr std::string_view kMore = "...";
  auto end = std::min(line.size(), size - kMore.size());
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  return line.substr(0, end).append(kMore);
}

std::string FactLine(std::string_view name, std::string_view value) {
  if (value.empty()) return {};
  std::string line(name);
  line.resize(kNameWidth, ' ');
  return line + OneLine(value, kLongestValue) + "\n";
}

std::string OwnerText(const Drift& drift) { return drift.owner.empty() ? "nobody" : drift.owner; }

std::string StateText(const Finding& finding) {
  std::string text(ToString(finding.state));
  if (finding.state == FindingState::kResolved && finding.resolution) {
    text += ": " + std::string(ToString(*finding.resolution));
    if (!finding.resolved_by.empty()) text += ", " + finding.resolved_by;
  }
  if (const auto& acknowledged = finding.acknowledgement;
      acknowledged && finding.state == FindingState::kAcknowledged) {
    text += " by " + acknowledged->by + " until " + FormatTime(acknowledged->until) + ": " +
            acknowledged->comment;
  }
  if (const auto& accepted = finding.drift.acceptance;
      accepted && finding.state == FindingState::kAccepted) {
    text += " until " + FormatDate(accepted->until) + ": " + accepted->reason;
  }
  return text;
}

std::string FindingFacts(const Finding& finding) {
  const auto& drift = finding.drift;
  std::string lines = FactLine("finding", DisplayId(finding));
  lines += FactLine("state", StateText(finding));
  lines += FactLine("kind", ToString(drift.kind));
  lines += FactLine("severity", ToString(drift.severity));
  lines += FactLine("owner", OwnerText(drift));
  lines += FactLine("host", drift.host);
  if (!drift.ports.empty()) lines += FactLine("ports", drift.ports.ToString());
  lines += FactLine("expected", drift.expected);
  lines += FactLine("rule", drift.rule);
  lines += FactLine("observed", ObservedText(drift));
  lines += FactLine("viewpoint", finding.viewpoint);
  lines += FactLine("first seen", FormatTime(finding.first_seen));
  lines += FactLine("last seen", FormatTime(finding.last_seen));
  if (finding.unverified_since) {
    lines += FactLine("unverified", "since " + FormatTime(*finding.unverified_since));
  }
  if (finding.state == FindingState::kResolved && finding.resolved) {
    lines += FactLine("resolved", FormatTime(*finding.resolved));
  }
  lines += FactLine("policy", finding.policy_hash);
  return lines;
}

}  // namespace postern::exporters

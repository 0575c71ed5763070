#include "exporters/ticket_text.h"

#include <string_view>
#include <utility>

#include "exporters/finding_text.h"

namespace postern::exporters {
namespace {

constexpr std::size_t kLongestTitle = 200;
// GitHub takes 65,536 characters; what is longer than this is not read by people.
constexpr std::size_t kLongestSum = 30'000;

// `lines`, each ending with a line feed, as an indented code block (CommonMark 0.31, section 4.4),
// in which nothing is markup or a mention.
std::string Indented(std::string_view lines) {
  std::string block;
  while (!lines.empty()) {
    const auto end = lines.find('\n') + 1;
    block.append("    ").append(lines.substr(0, end));
    lines.remove_prefix(end);
  }
  return block;
}

std::string Replaced(std::string_view text, char c, std::string_view by) {
  std::string result;
  for (const char each : text) {
    if (each == c) {
      result += by;
    } else {
      result += each;
    }
  }
  return result;
}

// `lines` shown as they are, but for what would end the block or notify somebody from within it.
std::string Preformatted(std::string_view lines, TicketMarkup markup) {
  switch (markup) {
    case TicketMarkup::kMarkdown:
      return Indented(lines);
    case TicketMarkup::kRedmine:
      // Textile needs the tag, Markdown the indentation between empty lines; with Markdown Redmine
      // notifies whom an indented block names (lib/redmine/acts/mentionable.rb).
      return "<pre>\n\n" + Indented(Replaced(Replaced(lines, '<', "\\x3c"), '@', "(at)")) +
             "\n</pre>\n";
    case TicketMarkup::kJira:
      return "{noformat}\n" + Replaced(Replaced(lines, '{', "\\x7b"), '~', "\\x7e") +
             "{noformat}\n";
  }
  return {};
}

std::string Facts(const Finding& finding) {
  return FactLine("summary", Summary(finding.drift)) + FindingFacts(finding);
}

std::string_view EndOf(Resolution resolution) {
  switch (resolution) {
    case Resolution::kFixed:
      return "Fixed: fresh observations agree with the policy.";
    case Resolution::kPolicy:
      return "The policy allows now what was last seen.";
    case Resolution::kWithdrawn:
      return "Withdrawn: the endpoint left the policy, the scope or its name.";
    case Resolution::kExpired:
      return "The event is over.";
  }
  return {};
}

}  // namespace

std::string TicketTitle(const Finding& finding) {
  const auto text =
      "[" + std::string(ToString(finding.drift.severity)) + "] " + Summary(finding.drift);
  // GitLab notifies whom a title names.
  return OneLine(Replaced(text, '@', "(at)"), kLongestTitle);
}

std::string TicketMarker(const std::string& finding_id, int episode) {
  return "postern-finding-" + finding_id + "-" + std::to_string(episode);
}

bool HasMarkerOf(std::string_view text, const std::string& finding_id) {
  return text.find("postern-finding-" + finding_id + "-") != std::string_view::npos;
}

bool HasMarker(std::string_view text, std::string_view marker) {
  for (auto at = text.find(marker); at != std::string_view::npos; at = text.find(marker, at + 1)) {
    const auto end = at + marker.size();
    if (end == text.size() || text[end] < '0' || text[end] > '9') return true;
  }
  return false;
}

std::string TicketBody(const Finding& finding, const std::string& link, TicketMarkup markup) {
  std::string body =
      "Postern, which compares what the network exposes with the policy, has found a drift.\n\n";
  body += Preformatted(
      Facts(finding) + FactLine("evidence", "postern findings show " + DisplayId(finding)), markup);
  body +=
      "\nFix it, or change the policy: this ticket closes by itself when the observations agree "
      "with the policy. Closed by hand, it stays closed until then.\n";
  if (!link.empty()) body += "\n" + link + "\n";
  return body + "\n" + TicketMarker(finding.id, finding.episode) + "\n";
}

std::string TicketComment(const Finding& finding, TransitionKind what, TicketMarkup markup) {
  const auto facts = Preformatted(Facts(finding), markup);
  switch (what) {
    case TransitionKind::kOpened:
      return "It is back.\n\n" + facts;
    case TransitionKind::kChanged:
      return "It changed.\n\n" + facts;
    case TransitionKind::kResolved:
      return std::string(EndOf(finding.resolution.value_or(Resolution::kFixed))) + "\n\n" + facts;
  }
  return {};
}

TicketSum SumUp(std::span<const Finding* const> findings, TicketMarkup markup) {
  TicketSum sum;
  std::string lines;
  for (const auto* finding : findings) {
    const auto line = DisplayId(*finding) + "  " + TicketTitle(*finding) + "\n";
    auto text = Preformatted(lines + line, markup);
    if (text.size() > kLongestSum) break;
    lines += line;
    sum.text = std::move(text);
    ++sum.told;
  }
  return sum;
}

}  // namespace postern::exporters

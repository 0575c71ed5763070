#include "exporters/ticket_text.h"

#include <string_view>
#include <utility>

#include "exporters/finding_link.h"
#include "exporters/finding_text.h"

namespace postern::exporters {
namespace {

// Of a body in bytes: Jira takes 32,767 characters, the others 65,536 and more. And of a list,
// which the operator's words stand around; what is longer is not read by people.
std::size_t LongestBody(TicketMarkup markup) {
  return markup == TicketMarkup::kJira ? 32'000 : 60'000;
}
std::size_t LongestList(TicketMarkup markup) {
  return markup == TicketMarkup::kJira ? 10'000 : 30'000;
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
    case Resolution::kGone:
      return "Gone: its address has given no sign of life for too long; it is off, or refuses this "
             "scanner. Nothing shows that it is fixed.";
  }
  return {};
}

std::string DefaultTitle(const Finding& finding) {
  return "[" + std::string(ToString(finding.drift.severity)) + "] " + Summary(finding.drift);
}

std::string EvidenceCommand(const Finding& finding) {
  return "postern findings show " + DisplayId(finding);
}

// Between empty lines, so that a template may have it anywhere.
std::string OwnLines(const std::string& block) { return "\n\n" + block + "\n"; }

// The value of one of kFindingFacts that Postern itself has made: it is no markup anywhere.
std::string PlainFact(const Finding& finding, std::string_view name, const TicketStyle& style) {
  const auto place = PlaceOf(finding.drift);
  if (name == "severity") return std::string(ToString(finding.drift.severity));
  if (name == "kind") return std::string(ToString(finding.drift.kind));
  if (name == "state") return std::string(ToString(finding.state));
  if (name == "id") return DisplayId(finding);
  if (name == "address") return place.address;
  if (name == "protocol") return place.protocol;
  if (name == "port") return place.port;
  if (name == "viewpoint") return finding.viewpoint;
  if (name == "first_seen") return FormatTime(finding.first_seen);
  if (name == "evidence") return EvidenceCommand(finding);
  if (name == "link") return FindingLink(style.external_url, finding);
  return {};
}

// The value of one that may hold anything; none for the other names.
std::optional<std::string> ForeignFact(const Finding& finding, std::string_view name) {
  const auto& drift = finding.drift;
  if (name == "summary") return Summary(drift);
  if (name == "host") return HostText(finding);
  if (name == "owner") return OwnerText(drift);
  if (name == "expected") return drift.expected;
  if (name == "observed") return ObservedText(drift);
  if (name == "rule") return drift.rule;
  return std::nullopt;
}

std::string InTitle(const Finding& finding, std::string_view name, const TicketStyle& style) {
  return ForeignFact(finding, name).value_or(PlainFact(finding, name, style));
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// `fallback`: where the operator's words come to nothing.
std::string Titled(const Finding& finding, const TicketStyle& style, const std::string& fallback) {
  if (!style.title) return AsTitle(fallback);
  const auto filled =
      style.title->Fill([&](std::string_view name) { return InTitle(finding, name, style); });
  const auto title = Trimmed(filled);
  return AsTitle(title.empty() ? fallback : title);
}

std::string InBody(const Finding& finding, std::string_view name, const TicketStyle& style) {
  const auto foreign = ForeignFact(finding, name);
  return foreign ? Inline(OneLine(*foreign, kLongestValue), style.markup)
                 : PlainFact(finding, name, style);
}

bool IsMarker(std::string_view line) {
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return line.starts_with("postern-") &&
         line.find_first_not_of(kCharacters) == std::string_view::npos;
}

std::string NewsLine(const TicketNews& news) {
  const auto& finding = *news.finding;
  auto line = DisplayId(finding) + "  ";
  if (news.what != TransitionKind::kOpened)
    line += OneLine(StateText(finding), kLongestValue) + "  ";
  return line + AsTitle(DefaultTitle(finding)) + "\n";
}

}  // namespace

std::string TicketTitle(const Finding& finding, const TicketStyle& style) {
  return Titled(finding, style, DefaultTitle(finding));
}

std::string MarkersBegin(const std::string& finding_id) {
  return "postern-finding-" + finding_id + "-";
}

std::string TicketMarker(const std::string& finding_id, int episode) {
  return MarkersBegin(finding_id) + std::to_string(episode);
}

std::string MarkerIn(std::string_view text) {
  while (!text.empty()) {
    const auto begin = text.rfind('\n') + 1;  // 0 where there is none
    const auto line = Trimmed(text.substr(begin));
    if (IsMarker(line)) return std::string(line);
    text = text.substr(0, begin > 0 ? begin - 1 : 0);
  }
  return {};
}

std::string TicketBody(const Finding& finding, const TicketStyle& style) {
  const auto facts =
      Preformatted(Facts(finding) + FactLine("evidence", EvidenceCommand(finding)), style.markup);
  std::string body;
  if (style.body) {
    body = style.body->Fill([&](std::string_view name) {
      return name == "facts" ? OwnLines(facts) : InBody(finding, name, style);
    });
  } else {
    body =
        "Postern, which compares what the network exposes with the policy, has found a drift.\n\n" +
        facts +
        "\nFix it, or change the policy: this ticket closes by itself when the observations agree "
        "with the policy. Closed by hand, it stays closed until then.\n";
    const auto link = FindingLink(style.external_url, finding);
    if (!link.empty()) body += "\n" + link + "\n";
  }
  return WithMarker(std::move(body), TicketMarker(finding.id, finding.episode), style.markup);
}

std::string WithMarker(std::string body, const std::string& marker, TicketMarkup markup) {
  const auto longest = LongestBody(markup) - marker.size();
  if (body.size() > longest) body.resize(body.rfind('\n', longest - 1) + 1);
  return body + "\n" + marker + "\n";
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

std::string HostText(const Finding& finding) {
  return finding.drift.host.empty() ? "viewpoint " + finding.viewpoint : finding.drift.host;
}

std::string HostTicketTitle(const Finding& finding, const TicketStyle& style) {
  const auto from = finding.drift.host.empty() ? "" : " seen from " + finding.viewpoint;
  return Titled(
      finding, style,
      "Drift on " + HostText(finding) + from + " (owner: " + OwnerText(finding.drift) + ")");
}

std::string HostTicketBody(const Finding& finding, const std::string& findings,
                           const TicketStyle& style) {
  if (!style.body) {
    return "Postern, which compares what the network exposes with the policy, has found:\n\n" +
           findings +
           "\nThe evidence of each: `postern findings show ID`. Fix them, or change the policy: "
           "comments tell of what ends and of what more opens, and this ticket closes by itself "
           "when none is open any more.\n" +
           (style.external_url.empty() ? "" : "\n" + style.external_url + "\n");
  }
  auto body = style.body->Fill([&](std::string_view name) {
    if (name == "findings") return OwnLines(findings);
    return name == "link" ? style.external_url : InBody(finding, name, style);
  });
  return style.body->Has("findings") ? body : body + OwnLines(findings);
}

std::string SaidOf(const TicketNews& news) {
  return std::string(ToString(news.what)) + "-" + std::to_string(news.finding->episode);
}

TicketList ListNews(std::span<const TicketNews> news, TicketMarkup markup) {
  TicketList list;
  std::string lines;
  for (const auto& one : news) {
    lines += NewsLine(one);
    auto text = Preformatted(lines, markup);
    if (text.size() > LongestList(markup)) break;
    list.text = std::move(text);
    ++list.told;
  }
  return list;
}

}  // namespace postern::exporters

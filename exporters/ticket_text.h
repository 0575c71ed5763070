// What tickets say. Pure functions. Everything that may come from the network or from a policy
// stands in a preformatted block, or is put in as Inline() and AsTitle() do.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/finding.h"
#include "core/ticket_template.h"
#include "exporters/ticket_markup.h"

namespace postern::exporters {

// What decides how a ticket reads besides the findings that it tells of.
struct TicketStyle {
  TicketMarkup markup = TicketMarkup::kMarkdown;
  std::string external_url;             // where links lead; empty: no links
  std::optional<TicketTemplate> title;  // none: Postern's own
  std::optional<TicketTemplate> body;   // without the marker; none: Postern's own
};

// Of a ticket of one finding, by a template of kFindingFacts; else "[critical] tcp/6379 is open on
// cache-1 (2001:db8::6); the policy says not_open", as where the template comes to nothing. One
// line of at most 200 bytes.
std::string TicketTitle(const Finding& finding, const TicketStyle& style);
// The text that it begins with. It ends with TicketMarker, a line by which the ticket is found
// again.
std::string TicketBody(const Finding& finding, const TicketStyle& style);
// What its markers begin with, "postern-finding-abcdefghij-"; the episode follows always.
std::string MarkersBegin(const std::string& finding_id);
std::string TicketMarker(const std::string& finding_id, int episode);
// The marker behind the text that a ticket begins with, which is cut at the end of a line where it
// is longer than the tracker takes.
std::string WithMarker(std::string body, const std::string& marker, TicketMarkup markup);
// The marker of a ticket of whatever kind: the last line of `text` that is one, and nothing else;
// empty: there is none.
std::string MarkerIn(std::string_view text);

// What is said when the finding changed, ended, or returned.
std::string TicketComment(const Finding& finding, TransitionKind what, TicketMarkup markup);

// Of a ticket of all the findings of a host and owner, by templates of kHostFacts; without its
// marker. `finding`: one of them; `findings`: the block that lists them.
std::string HostTicketTitle(const Finding& finding, const TicketStyle& style);
std::string HostTicketBody(const Finding& finding, const std::string& findings,
                           const TicketStyle& style);
// "cache-1"; "viewpoint public" for what is of no host.
std::string HostText(const Finding& finding);

// What happened to one of the findings that a ticket tells of.
struct TicketNews {
  const Finding* finding = nullptr;
  TransitionKind what = TransitionKind::kOpened;
};

// "resolved-2": what is said of the finding, for TicketRecord::said.
std::string SaidOf(const TicketNews& news);

// Several of them in one text, a line for each.
struct TicketList {
  std::string text;
  std::size_t told = 0;  // so many, from the first on; the others would make it too long
};
TicketList ListNews(std::span<const TicketNews> news, TicketMarkup markup);

}  // namespace postern::exporters

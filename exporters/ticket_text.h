// What tickets say. Pure functions. Everything that may come from the network or from a policy
// stands in a preformatted block: it cannot format the text, notify anybody, or pretend to be
// another line of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/finding.h"

namespace postern::exporters {

enum class TicketMarkup : std::uint8_t {
  kMarkdown,
  kRedmine,  // Textile or Markdown, as the server is set: what is the same in both
  kJira,     // the wiki markup of REST API version 2
};

// "[critical] tcp/6379 is open on cache-1 (2001:db8::6); the policy says not_open", one line of at
// most 200 bytes.
std::string TicketTitle(const Finding& finding);

// The text that a ticket begins with. `link`: where the finding is shown; empty: nowhere. It ends
// with TicketMarker, by which the ticket is found again.
std::string TicketBody(const Finding& finding, const std::string& link, TicketMarkup markup);
// "postern-finding-abcdefghij-1", with the episode always.
std::string TicketMarker(const std::string& finding_id, int episode);
// Whether `text` has a marker of the finding, of whatever episode; and whether it has `marker` and
// not one that only begins with it.
bool HasMarkerOf(std::string_view text, const std::string& finding_id);
bool HasMarker(std::string_view text, std::string_view marker);

// What is said when the finding changed, ended, or returned.
std::string TicketComment(const Finding& finding, TransitionKind what, TicketMarkup markup);

// Of several findings in one text, a line for each.
struct TicketSum {
  std::string text;
  std::size_t told = 0;  // so many, from the first on; the others would make it too long
};
// Precondition: not empty.
TicketSum SumUp(std::span<const Finding* const> findings, TicketMarkup markup);

}  // namespace postern::exporters

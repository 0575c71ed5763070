// How trackers format text, and how a text that may come from the network or from a policy is put
// into theirs: it cannot format anything, notify anybody, or end the block that it stands in. Pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::exporters {

enum class TicketMarkup : std::uint8_t {
  kMarkdown,
  kRedmine,  // Textile or Markdown, as the server is set: what is the same in both
  kJira,     // the wiki markup of REST API version 2
};

// `lines`, each beginning with a word and ending with a line feed, shown as they are.
std::string Preformatted(std::string_view lines, TicketMarkup markup);

// One line of text within a paragraph.
std::string Inline(std::string_view line, TicketMarkup markup);

// `text` as a title, which is one line of at most 200 bytes and never markup.
std::string AsTitle(std::string_view text);

}  // namespace postern::exporters

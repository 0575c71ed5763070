#include "exporters/ticket_markup.h"

#include <algorithm>

#include "exporters/finding_text.h"

namespace postern::exporters {
namespace {

constexpr std::size_t kLongestTitle = 200;

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

// A code span (CommonMark 0.31, section 6.1): GitHub and GitLab look for neither markup, mentions
// nor references in it.
std::string CodeSpan(std::string_view line) {
  std::size_t longest = 0;
  for (std::size_t i = 0, run = 0; i < line.size(); ++i) {
    run = line[i] == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  const std::string_view space = longest > 0 ? " " : "";
  return fence + std::string(space) + std::string(line) + std::string(space) + fence;
}

bool IsPunctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

// Character references, which neither Textile nor Markdown takes for markup, and in which Redmine
// sees no mention.
std::string WithReferences(std::string_view line) {
  constexpr std::string_view kPlain = "./,;";
  std::string result;
  for (const char c : line) {
    if (IsPunctuation(c) && kPlain.find(c) == std::string_view::npos) {
      result += "&#" + std::to_string(static_cast<int>(c)) + ";";
    } else {
      result += c;
    }
  }
  return result;
}

// With a backslash before what Jira's text formatting gives a meaning; two of them would be a line
// break.
std::string WithBackslashes(std::string_view line) {
  constexpr std::string_view kMarkup = "*_?-+^~{}[]()|!#:";
  std::string result;
  for (const char c : line) {
    if (c == '\\') {
      result += "&#92;";
      continue;
    }
    if (kMarkup.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

std::string Preformatted(std::string_view lines, TicketMarkup markup) {
  switch (markup) {
    case TicketMarkup::kMarkdown:
      // A fenced code block, which begins wherever it stands (CommonMark 0.31, section 4.5).
      return "```\n" + std::string(lines) + "```\n";
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

std::string Inline(std::string_view line, TicketMarkup markup) {
  if (line.empty()) return {};
  switch (markup) {
    case TicketMarkup::kMarkdown:
      return CodeSpan(line);
    case TicketMarkup::kRedmine:
      return WithReferences(line);
    case TicketMarkup::kJira:
      return WithBackslashes(line);
  }
  return {};
}

std::string AsTitle(std::string_view text) {
  // GitLab notifies whom a title names.
  return OneLine(Replaced(text, '@', "(at)"), kLongestTitle);
}

}  // namespace postern::exporters

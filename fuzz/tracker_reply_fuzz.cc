// Any bytes as what a tracker of tickets answers: no crash, and no key that is not of its form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "exporters/tracker_reply.h"

namespace {

using namespace postern::exporters;

void CheckKeys(const std::optional<TicketPage>& page) {
  if (!page) return;
  for (const auto& ticket : page->tickets) {
    if (!IsJiraKey(ticket.key)) std::abort();
  }
  if (page->tickets.size() > page->entries) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view reply(reinterpret_cast<const char*>(data), size);
  const TicketNames names{.number = "number", .text = "body", .open = "open"};
  ParseIssues(reply, "a/b", names);
  ParseIssue(reply, "a/b", names);
  ParseRedmineIssues(reply, "a");
  ParseRedmineIssue(reply, "a");
  ParseRedmineStatuses(reply);
  ParseRedmineCategories(reply);
  CheckKeys(ParseJiraIssues(reply));
  ParseJiraIssue(reply);
  if (const auto key = ParseJiraKey(reply); key && !IsJiraKey(*key)) std::abort();
  ParseJiraTransitions(reply);
  return 0;
}

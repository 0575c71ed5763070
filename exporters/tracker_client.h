// What the trackers of tickets have in common: JSON over HTTP, a token in a header, lists that are
// read page by page, and what their statuses mean. Used from one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "exporters/http_client.h"
#include "exporters/ticket_system.h"
#include "exporters/ticket_systems.h"
#include "exporters/tracker_reply.h"

namespace postern::exporters {

// `text` as one part of a path (RFC 3986, section 2.3: all but unreserved characters as %XX).
std::string PathPart(std::string_view text);

// The most entries of a page that GitHub, GitLab and Redmine give; Jira gives as many, too.
inline constexpr std::size_t kTicketsOfPage = 100;

// "example/exposure#17"
struct TicketKey {
  std::string repository;
  std::uint64_t number = 0;
};
std::optional<TicketKey> ParseTicketKey(const std::string& key);
// Of a key that the tracker cannot have made.
TicketFailure NotOurs(const std::string& key);
// Of an answer that is not `what`; a write may have been carried out.
TicketFailure NotUnderstood(const std::string& what, bool writes);
// The tracker has no way to do what was asked.
TicketFailure Impossible(std::string why);

// Of the answer about one ticket: GitHub's longest text has 65,536 characters, of up to four bytes,
// and what JSON makes of them.
inline constexpr std::size_t kLongestTicket = std::size_t{1} << 20U;

class TrackerClient {
 public:
  // What a request is about: a ticket that is not there is gone for good, while a project that is
  // not there is for the operator to put right.
  enum class About : std::uint8_t { kProject, kTicket };

  // `headers`: of every request, the token among them.
  TrackerClient(const TrackerAccess& access, HttpHeaders headers);

  // The body of the answer.
  TicketResult<std::string> Read(About about, const std::string& path,
                                 std::size_t longest = kLongestTicket) const;
  // `body`: JSON.
  TicketResult<std::string> Write(About about, const std::string& method, const std::string& path,
                                  const std::string& body) const;

  // The path of the page that begins behind `seen` entries, the last of which said `next`.
  using PathOfPage = std::function<std::string(std::size_t seen, const std::string& next)>;
  using ParsePage = std::function<std::optional<TicketPage>(std::string_view reply)>;
  // Page by page, up to ten. The last is one with fewer entries than it may have, or, where pages
  // say how to ask for the `next`, one that does not.
  enum class Pages : std::uint8_t { kCounted, kLinked };
  TicketResult<std::vector<Ticket>> List(const PathOfPage& path_of, const ParsePage& parse,
                                         Pages pages = Pages::kCounted) const;

 private:
  TicketResult<std::string> Request(About about, HttpCall call) const;
  // Why nothing may be asked now; nothing: it may.
  std::optional<TicketFailure> WhyNotNow(SteadyTime now) const;

  const std::string url_;
  const HttpHeaders headers_;
  const SteadyTime deadline_;
  const std::shared_ptr<SteadyTime> rests_until_;
  const std::shared_ptr<HttpClient> http_;
};

// What `parse` makes of an answer; nothing: it is not `what`.
template <typename Parse>
auto Understand(const TicketResult<std::string>& answer, const std::string& what, bool writes,
                const Parse& parse)
    -> TicketResult<typename decltype(parse(std::string_view()))::value_type> {
  if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
  auto parsed = parse(std::string_view(std::get<std::string>(answer)));
  if (!parsed) return NotUnderstood(what, writes);
  return *std::move(parsed);
}

// Whether a write was carried out, whatever the tracker said to it.
TicketResult<Done> DoneBy(const TicketResult<std::string>& answer);

}  // namespace postern::exporters

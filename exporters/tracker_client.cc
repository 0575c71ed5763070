#include "exporters/tracker_client.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>
#include <variant>

#include "core/parse_number.h"
#include "exporters/escape.h"
#include "exporters/http_outcome.h"

namespace postern::exporters {
namespace {

using Kind = TicketFailure::Kind;

constexpr int kPages = 10;
// A hundred tickets of GitHub's longest text, 65,536 characters, and some more.
constexpr std::size_t kLongestPage = std::size_t{16} << 20U;
constexpr Duration kLongestRequest = std::chrono::seconds(10);
// "wait for at least one minute", says GitHub of a limit that no header tells of (REST API, best
// practices).
constexpr Duration kLeastPause = std::chrono::minutes(1);

// How long a tracker wants to be left alone.
Duration PauseOf(const HttpReply& reply) {
  if (!reply.limit_reached) {
    const bool is_untold = reply.status == 429 || reply.status == 403;
    return is_untold && reply.retry_after == Duration::zero() ? kLeastPause : reply.retry_after;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto resets = std::chrono::seconds(std::min(reply.limit_resets, std::int64_t{1} << 33U));
  return std::max(reply.retry_after, std::chrono::duration_cast<Duration>(resets - now));
}

bool IsLimit(const HttpReply& reply) {
  if (reply.status == 429) return true;
  // GitHub answers 403 to both of its limits (docs.github.com/rest, rate limits).
  return reply.status == 403 && (reply.limit_reached || reply.retry_after > Duration::zero() ||
                                 reply.body.find("rate limit") != std::string::npos);
}

Kind KindOf(const HttpReply& reply, bool writes, bool of_ticket) {
  const auto status = reply.status;
  if (status >= 500) return writes ? Kind::kUnknown : Kind::kRetry;
  if (status == 401 || IsLimit(reply)) return Kind::kRetry;
  if (of_ticket && (status == 404 || status == 410)) return Kind::kNotFound;
  // It moved to another repository, or its repository did: its key is not true any more.
  if (of_ticket && status / 100 == 3) return Kind::kRefused;
  return writes && IsAboutContent(status) ? Kind::kRefused : Kind::kUnusable;
}

TicketFailure FailureOf(const HttpReply& reply, bool writes, bool of_ticket) {
  return {.kind = KindOf(reply, writes, of_ticket),
          .reason = ReasonOf(reply),
          .detail = EscapeTerminal(DetailOf(reply)),
          .retry_after = PauseOf(reply)};
}

TicketFailure FailureOf(const HttpFailure& failure, bool writes) {
  const bool may_have_arrived =
      failure.kind == HttpFailure::Kind::kTimeout || failure.kind == HttpFailure::Kind::kProtocol;
  return {.kind = writes && may_have_arrived ? Kind::kUnknown : Kind::kRetry,
          .reason = std::string(ToString(failure.kind)),
          .detail = failure.detail,
          .retry_after = {}};
}

}  // namespace

std::string PathPart(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string part;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (unreserved) {
      part += c;
    } else {
      (part += '%').append({kHex[byte >> 4U], kHex[byte & 0xFU]});
    }
  }
  return part;
}

std::optional<TicketKey> ParseTicketKey(const std::string& key) {
  const auto hash = key.rfind('#');
  if (hash == std::string::npos || hash == 0) return std::nullopt;
  const auto number = ParseDecimal(std::string_view(key).substr(hash + 1), 1, INT64_MAX);
  if (!number) return std::nullopt;
  return TicketKey{key.substr(0, hash), *number};
}

TicketFailure NotOurs(const std::string& key) {
  return {.kind = Kind::kGone,
          .reason = "protocol",
          .detail = "'" + EscapeTerminal(key) + "' is no ticket of this tracker",
          .retry_after = {}};
}

TicketFailure NotUnderstood(const std::string& what, bool writes) {
  return {.kind = writes ? Kind::kUnknown : Kind::kRetry,
          .reason = "protocol",
          .detail = "the tracker's answer is not " + what + "; is the URL that of its API?",
          .retry_after = {}};
}

TicketFailure Impossible(std::string why) {
  return {.kind = Kind::kRefused, .reason = "refused", .detail = std::move(why), .retry_after = {}};
}

TicketResult<Done> DoneBy(const TicketResult<std::string>& answer) {
  if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
  return Done{};
}

TrackerClient::TrackerClient(const TrackerAccess& access, HttpHeaders headers)
    : url_(WithoutSlashes(access.url)),
      headers_(std::move(headers)),
      deadline_(access.deadline),
      rests_until_(access.rests_until),
      http_(access.http) {}

TicketResult<std::string> TrackerClient::Read(About about, const std::string& path,
                                              std::size_t longest) const {
  return Request(about, {.method = "GET",
                         .url = url_ + path,
                         .headers = headers_,
                         .body = "",
                         .longest_reply = longest});
}

TicketResult<std::string> TrackerClient::Write(About about, const std::string& method,
                                               const std::string& path,
                                               const std::string& body) const {
  HttpCall call{.method = method,
                .url = url_ + path,
                .headers = headers_,
                .body = body,
                .longest_reply = kLongestTicket};
  call.headers.emplace_back("Content-Type", "application/json");
  return Request(about, std::move(call));
}

TicketResult<std::string> TrackerClient::Request(About about, HttpCall call) const {
  const bool writes = call.method != "GET";
  const auto now = std::chrono::steady_clock::now();
  if (auto failure = WhyNotNow(now)) return *std::move(failure);
  call.timeout = std::min(kLongestRequest, std::chrono::ceil<Duration>(deadline_ - now));
  auto answer = http_->Send(call);
  if (const auto* failure = std::get_if<HttpFailure>(&answer)) return FailureOf(*failure, writes);
  auto& reply = std::get<HttpReply>(answer);
  if (reply.limit_reached) *rests_until_ = now + PauseOf(reply);
  if (!IsTaken(reply)) return FailureOf(reply, writes, about == About::kTicket);
  return std::move(reply.body);
}

std::optional<TicketFailure> TrackerClient::WhyNotNow(SteadyTime now) const {
  if (now < *rests_until_) {
    return TicketFailure{.kind = Kind::kRetry,
                         .reason = "http_4xx",
                         .detail = "the tracker's rate limit is used up",
                         .retry_after = std::chrono::ceil<Duration>(*rests_until_ - now)};
  }
  if (now < deadline_) return std::nullopt;
  return TicketFailure{
      .kind = Kind::kRetry,
      .reason = "timeout",
      .detail = "the time for a delivery is over before the tracker's answers came",
      .retry_after = {}};
}

TicketResult<std::vector<Ticket>> TrackerClient::List(const PathOfPage& path_of,
                                                      const ParsePage& parse, Pages pages) const {
  std::vector<Ticket> tickets;
  std::size_t seen = 0;
  std::string next;
  for (int count = 0; count < kPages; ++count) {
    auto answer = Understand(Read(About::kProject, path_of(seen, next), kLongestPage),
                             "a list of tickets", false, parse);
    if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
    auto& page = std::get<TicketPage>(answer);
    std::ranges::move(page.tickets, std::back_inserter(tickets));
    seen += page.entries;
    next = std::move(page.next);
    const bool is_last = pages == Pages::kLinked ? next.empty() : page.entries < kTicketsOfPage;
    if (is_last) break;
  }
  return tickets;
}

}  // namespace postern::exporters

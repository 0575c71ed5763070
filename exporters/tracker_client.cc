#include "exporters/tracker_client.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <utility>
#include <variant>

#include "core/parse_number.h"
#include "exporters/escape.h"

namespace postern::exporters {
namespace {

namespace json = boost::json;
using Kind = TicketFailure::Kind;

constexpr std::size_t kPageSize = 100;  // the most that GitHub and GitLab give
constexpr int kPages = 10;
// A hundred tickets of GitHub's longest text, 65,536 characters, and some more.
constexpr std::size_t kLongestPage = std::size_t{16} << 20U;
constexpr std::size_t kShownOfReply = 300;

// How long a tracker wants to be left alone.
Duration PauseOf(const HttpReply& reply) {
  if (!reply.limit_reached) return reply.retry_after;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto resets = std::chrono::seconds(std::min(reply.limit_resets, std::int64_t{1} << 33U));
  return std::max(reply.retry_after, std::chrono::duration_cast<Duration>(resets - now));
}

Kind KindOf(unsigned status, bool writes, bool of_ticket) {
  if (status >= 500) return writes ? Kind::kUnknown : Kind::kRetry;
  if (of_ticket && (status == 404 || status == 410)) return Kind::kGone;
  const bool is_about_content = status == 400 || status == 413 || status == 422;
  return writes && is_about_content ? Kind::kRefused : Kind::kRetry;
}

TicketFailure FailureOf(const HttpReply& reply, bool writes, bool of_ticket) {
  return {.kind = KindOf(reply.status, writes, of_ticket),
          .reason = "http_" + std::to_string(reply.status / 100) + "xx",
          .detail = "HTTP status " + std::to_string(reply.status) + ": " +
                    EscapeTerminal(reply.body.substr(0, kShownOfReply)),
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

TicketFailure NotUnderstood(const std::string& what, bool writes) {
  return {.kind = writes ? Kind::kUnknown : Kind::kRetry,
          .reason = "protocol",
          .detail = "the tracker's answer is not " + what + "; is the URL that of its API?",
          .retry_after = {}};
}

std::optional<Ticket> TicketOf(const json::value& value, const std::string& repository,
                               const TicketNames& names) {
  const auto* object = value.if_object();
  // GitHub lists pull requests among its issues; one may well name a ticket's marker.
  if (object == nullptr || object->contains("pull_request")) return std::nullopt;
  const auto* number = object->if_contains(names.number);
  const auto* state = object->if_contains("state");
  const auto* text = object->if_contains(names.text);
  const bool has_number = number != nullptr && number->is_int64() && number->get_int64() > 0;
  if (!has_number || state == nullptr || !state->is_string()) return std::nullopt;
  return Ticket{
      .key = repository + "#" + std::to_string(number->get_int64()),
      .open = state->get_string() == names.open,
      .text = text != nullptr && text->is_string() ? std::string(text->get_string()) : ""};
}

// "example/exposure#17"
struct TicketKey {
  std::string repository;
  std::uint64_t number = 0;
};

std::optional<TicketKey> ParseKey(const std::string& key) {
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

// The ticket that an answer holds.
TicketResult<Ticket> TicketFrom(const TicketResult<std::string>& answer,
                                const std::string& repository, const TicketNames& names,
                                bool writes) {
  if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
  boost::system::error_code error;
  const auto value = json::parse(std::get<std::string>(answer), error);
  auto ticket = error ? std::nullopt : TicketOf(value, repository, names);
  if (!ticket) return NotUnderstood("a ticket", writes);
  ticket->text.clear();
  return *std::move(ticket);
}

std::string WithoutSlashes(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
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

TrackerClient::TrackerClient(std::string url, HttpHeaders headers, TicketsOf tickets_of,
                             TicketNames names)
    : url_(WithoutSlashes(std::move(url))),
      headers_(std::move(headers)),
      tickets_of_(tickets_of),
      names_(names) {}

TicketResult<std::string> TrackerClient::Request(About about, const std::string& method,
                                                 const std::string& path,
                                                 const std::string& body) const {
  const bool writes = method != "GET";
  auto headers = headers_;
  if (writes) headers.emplace_back("Content-Type", "application/json");
  auto answer = Send({.method = method,
                      .url = url_ + path,
                      .headers = std::move(headers),
                      .body = body,
                      .timeout = std::chrono::seconds(10),
                      .addresses = HttpAddresses::kNotLinkLocal,
                      .longest_reply = kLongestPage});
  if (const auto* failure = std::get_if<HttpFailure>(&answer)) return FailureOf(*failure, writes);
  auto& reply = std::get<HttpReply>(answer);
  if (reply.status / 100 != 2) return FailureOf(reply, writes, about == About::kTicket);
  return std::move(reply.body);
}

TicketResult<std::vector<Ticket>> TrackerClient::List(const std::string& repository,
                                                      const std::string& query) const {
  std::vector<Ticket> tickets;
  const auto path =
      tickets_of_(repository) + "?" + query + "&per_page=" + std::to_string(kPageSize);
  for (int page = 1; page <= kPages; ++page) {
    const auto answer =
        Request(About::kRepository, "GET", path + "&page=" + std::to_string(page), "");
    if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
    boost::system::error_code error;
    const auto value = json::parse(std::get<std::string>(answer), error);
    if (error || !value.is_array()) return NotUnderstood("a list of tickets", false);
    for (const auto& item : value.get_array()) {
      if (auto ticket = TicketOf(item, repository, names_)) tickets.push_back(*std::move(ticket));
    }
    if (value.get_array().size() < kPageSize) break;
  }
  return tickets;
}

TicketResult<Ticket> TrackerClient::Create(const std::string& repository,
                                           const std::string& body) const {
  return TicketFrom(Request(About::kRepository, "POST", tickets_of_(repository), body), repository,
                    names_, true);
}

TicketResult<Ticket> TrackerClient::Get(const std::string& key) const {
  const auto parsed = ParseKey(key);
  if (!parsed) return NotOurs(key);
  const auto path = tickets_of_(parsed->repository) + "/" + std::to_string(parsed->number);
  return TicketFrom(Request(About::kTicket, "GET", path, ""), parsed->repository, names_, false);
}

TicketResult<Done> TrackerClient::Write(const std::string& method, const std::string& key,
                                        const std::string& below, const std::string& body) const {
  const auto parsed = ParseKey(key);
  if (!parsed) return NotOurs(key);
  const auto path = tickets_of_(parsed->repository) + "/" + std::to_string(parsed->number) + below;
  const auto answer = Request(About::kTicket, method, path, body);
  if (const auto* failure = std::get_if<TicketFailure>(&answer)) return *failure;
  return Done{};
}

}  // namespace postern::exporters

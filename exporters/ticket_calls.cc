#include "exporters/ticket_calls.h"

#include <thread>
#include <utility>
#include <variant>

#include "exporters/ticket_text.h"

namespace postern::exporters {
namespace {

using Kind = TicketFailure::Kind;

// So many tickets of a repository that cannot be had say that it cannot either.
constexpr int kUnusableTickets = 3;

// At Jira that of its project.
std::string RepositoryOf(const std::string& key) {
  const auto hash = key.rfind('#');
  return key.substr(0, hash == std::string::npos ? key.rfind('-') : hash);
}

TicketFailure ForeignTicket(const std::string& key, const std::string& marker) {
  return {.kind = Kind::kGone,
          .reason = "refused",
          .detail = key + " is not Postern's: its text has no line that begins with " + marker,
          .retry_after = {}};
}

}  // namespace

TicketTime RealTime() {
  return {SystemClock(), [](Duration length) { std::this_thread::sleep_for(length); }};
}

template <typename Request>
auto TicketCalls::Ask(const Place& place, Request request) {
  using Answer = std::optional<std::variant_alternative_t<0, decltype(request())>>;
  if (const auto* why = WhyBarred(place)) {
    failure_ = *why;
    return Answer();
  }
  auto result = request();
  if (const auto* failure = std::get_if<TicketFailure>(&result)) {
    failure_ = *failure;
    if (failure->kind == Kind::kUnusable) Bar(place, *failure);
    return Answer();
  }
  return Answer(std::get<0>(std::move(result)));
}

template <typename Request>
auto TicketCalls::AskOf(const std::string& key, Request request) {
  const auto repository = RepositoryOf(key);
  auto answer = Ask({repository, key}, request);
  if (failure_ && failure_->kind == Kind::kNotFound) TellIfGone(repository);
  return answer;
}

template <typename Request>
auto TicketCalls::Write(Request request) {
  const auto now = time_.clock.Monotonic();
  if (now < next_write_) time_.pause(std::chrono::ceil<Duration>(next_write_ - now));
  auto result = request();
  next_write_ = time_.clock.Monotonic() + spacing_;
  return result;
}

const TicketFailure* TicketCalls::WhyBarred(const Place& place) const {
  for (const auto& name : {place.key, place.repository}) {
    const auto at = barred_.find(name);
    if (at != barred_.end()) return &at->second;
  }
  return nullptr;
}

void TicketCalls::Bar(const Place& place, const TicketFailure& failure) {
  if (!unusable_) unusable_ = failure;
  if (!place.key.empty()) barred_.emplace(place.key, failure);
  if (place.key.empty() || ++unusable_tickets_[place.repository] == kUnusableTickets) {
    barred_.emplace(place.repository, failure);
  }
}

void TicketCalls::TellIfGone(const std::string& repository) {
  auto gone = *failure_;
  gone.kind = Kind::kGone;
  if (List(repository) != nullptr) failure_ = std::move(gone);
}

std::optional<Ticket> TicketCalls::Get(const std::string& key, const std::string& marker) {
  auto ticket = AskOf(key, [&] { return system_.Get(key); });
  if (!ticket || MarkerIn(ticket->text).starts_with(marker)) return ticket;
  failure_ = ForeignTicket(key, marker);
  return std::nullopt;
}

std::optional<Ticket> TicketCalls::Create(const NewTicket& ticket) {
  return Ask({ticket.repository, ""},
             [&] { return Write([&] { return system_.Create(ticket); }); });
}

bool TicketCalls::Comment(const std::string& key, const std::string& text) {
  const auto request = [&] { return Write([&] { return system_.Comment(key, text); }); };
  return AskOf(key, request).has_value();
}

bool TicketCalls::SetOpen(const std::string& key, bool open) {
  const auto request = [&] { return Write([&] { return system_.SetOpen(key, open); }); };
  return AskOf(key, request).has_value();
}

bool TicketCalls::Close(const std::string& key, const std::string& marker, const std::string& why,
                        bool& said) {
  const auto ticket = Get(key, marker);
  if (!ticket) return false;
  if (!ticket->open) return true;
  said = said || Comment(key, why);
  return said && SetOpen(key, false);
}

const ListedTickets* TicketCalls::List(const std::string& repository) {
  const auto at = lists_.find(repository);
  if (at != lists_.end()) return &at->second;
  const auto list = Ask({repository, ""}, [&] { return system_.List(repository); });
  if (!list) return nullptr;
  return &lists_.emplace(repository, ListedTickets(*list)).first->second;
}

bool TicketCalls::MustEnd() const {
  return failure_ && (failure_->kind == Kind::kRetry || failure_->kind == Kind::kUnknown);
}

}  // namespace postern::exporters

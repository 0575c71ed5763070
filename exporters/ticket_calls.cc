#include "exporters/ticket_calls.h"

#include <thread>
#include <utility>
#include <variant>

namespace postern::exporters {

TicketTime RealTime() {
  return {SystemClock(), [](Duration length) { std::this_thread::sleep_for(length); }};
}

template <typename T>
std::optional<T> TicketCalls::Accept(TicketResult<T> result) {
  if (const auto* failure = std::get_if<TicketFailure>(&result)) {
    failure_ = *failure;
    return std::nullopt;
  }
  return std::get<T>(std::move(result));
}

template <typename Request>
auto TicketCalls::Write(Request request) {
  const auto now = time_.clock.Monotonic();
  if (now < next_write_) time_.pause(std::chrono::ceil<Duration>(next_write_ - now));
  auto result = Accept(request());
  next_write_ = time_.clock.Monotonic() + spacing_;
  return result;
}

std::optional<Ticket> TicketCalls::Get(const std::string& key) { return Accept(system_.Get(key)); }

std::optional<Ticket> TicketCalls::Create(const NewTicket& ticket) {
  return Write([&] { return system_.Create(ticket); });
}

bool TicketCalls::Comment(const std::string& key, const std::string& text) {
  return Write([&] { return system_.Comment(key, text); }).has_value();
}

bool TicketCalls::SetOpen(const std::string& key, bool open) {
  return Write([&] { return system_.SetOpen(key, open); }).has_value();
}

bool TicketCalls::Close(const std::string& key, const std::string& why, bool& said) {
  const auto ticket = Get(key);
  if (!ticket) return false;
  if (!ticket->open) return true;
  said = said || Comment(key, why);
  return said && SetOpen(key, false);
}

const std::vector<Ticket>* TicketCalls::List(const std::string& repository) {
  const auto at = lists_.find(repository);
  if (at != lists_.end()) return &at->second;
  auto list = Accept(system_.List(repository));
  if (!list) return nullptr;
  return &lists_.emplace(repository, *std::move(list)).first->second;
}

}  // namespace postern::exporters

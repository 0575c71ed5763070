// Intents: what is remembered before the request for a ticket goes out, so that the store has it by
// then, and what became of each. Used from one thread; what it is given must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "core/time.h"
#include "exporters/ticket_calls.h"
#include "exporters/ticket_memory.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

// An intent this old is not acted on any more; it is made anew. Longer than any delivery, so that
// the next one can act on it.
inline constexpr Duration kIntentLasts = std::chrono::seconds(30);
// After a request without an answer the tracker may still be at work.
inline constexpr Duration kSettle = std::chrono::seconds(60);

// The intents of one delivery that began at `now`.
class TicketIntents {
 public:
  enum class Fate : std::uint8_t {
    kMayPost,  // it is fresh, and no request went out
    kUnsent,   // it is not fresh, and no request went out
    kUnknown,  // one may have gone out, long enough ago
    kLater,    // the same, and not long enough ago
  };

  // `own`: whose intents this process has made and not yet acted on.
  TicketIntents(TicketMemory& memory, std::set<std::string>& own, const Clock& clock, TimePoint now)
      : memory_(memory), own_(own), clock_(clock), now_(now) {}

  // Precondition: `record` has an intent.
  Fate FateOf(const std::string& id, const TicketRecord& record);
  // What it asks for goes out in the next delivery.
  void Make(const std::string& id, const std::string& repository, int episode);
  // The request goes out now.
  void ActOn(const std::string& id) { own_.erase(id); }
  // The ticket is there, and counts as made now.
  void Fulfil(const std::string& id, TicketRecord record, const std::string& key);
  // The request brought none.
  void Fail(const std::string& id, TicketRecord record, TicketFailure::Kind kind);
  // It is not wanted any more, and no request went out.
  void Drop(const std::string& id);

  // Some wait for the next delivery, which should not wait itself.
  bool has_new() const { return has_new_; }
  // How long until the first of those that are kLater can be settled; none: there is none.
  std::optional<Duration> wait() const { return wait_; }
  // The time of the delivery, going on while it lasts.
  TimePoint Now() const;

 private:
  TicketMemory& memory_;
  std::set<std::string>& own_;
  const Clock& clock_;
  const TimePoint now_;
  const SteadyTime started_ = clock_.Monotonic();
  bool has_new_ = false;
  std::optional<Duration> wait_;
};

}  // namespace postern::exporters

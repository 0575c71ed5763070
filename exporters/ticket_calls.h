// What one delivery asks a tracker: one request after the other, writes spaced, each list read but
// once. Used from one thread; what it is given must outlive it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

using SteadyTime = std::chrono::steady_clock::time_point;

// How time passes, so that tests can do without it.
struct TicketTime {
  const Clock& clock;  // its monotonic one is read
  std::function<void(Duration)> pause;
};
TicketTime RealTime();

// Calls that bring nothing leave their reason in failure(), until it is forgiven.
class TicketCalls {
 public:
  // No write before `next_write`, which every write moves on by `spacing`.
  TicketCalls(TicketSystem& system, const TicketTime& time, Duration spacing,
              SteadyTime& next_write)
      : system_(system), time_(time), spacing_(spacing), next_write_(next_write) {}

  std::optional<Ticket> Get(const std::string& key);
  std::optional<Ticket> Create(const NewTicket& ticket);
  // Whether it was said.
  bool Comment(const std::string& key, const std::string& text);
  // Whether it is so now.
  bool SetOpen(const std::string& key, bool open);
  // With `why` as the last word, unless that is `said` already; nothing if a person closed it.
  // Whether it is closed.
  bool Close(const std::string& key, const std::string& why, bool& said);
  // The tickets of a repository with the label; nullptr: it could not be listed.
  const std::vector<Ticket>* List(const std::string& repository);

  const std::optional<TicketFailure>& failure() const { return failure_; }
  bool IsGone() const { return failure_ && failure_->kind == TicketFailure::Kind::kGone; }
  void Forgive() { failure_.reset(); }

 private:
  template <typename T>
  std::optional<T> Accept(TicketResult<T> result);
  // One write, when it is its turn.
  template <typename Request>
  auto Write(Request request);

  TicketSystem& system_;
  const TicketTime& time_;
  const Duration spacing_;
  SteadyTime& next_write_;
  std::map<std::string, std::vector<Ticket>> lists_;  // by repository
  std::optional<TicketFailure> failure_;
};

}  // namespace postern::exporters

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
#include "exporters/listed_tickets.h"
#include "exporters/ticket_system.h"

namespace postern::exporters {

// How time passes, so that tests can do without it.
struct TicketTime {
  const Clock& clock;  // its monotonic one is read
  std::function<void(Duration)> pause;
};
TicketTime RealTime();

// Calls that bring nothing leave their reason in failure(), until it is forgiven. What is unusable
// is asked no more, and neither is its repository after some such tickets of it.
class TicketCalls {
 public:
  // No write before `next_write`, which every write moves on by `spacing`.
  TicketCalls(TicketSystem& system, const TicketTime& time, Duration spacing,
              SteadyTime& next_write)
      : system_(system), time_(time), spacing_(spacing), next_write_(next_write) {}

  // One whose text has no marker that begins with `marker` is somebody else's: ours is gone.
  std::optional<Ticket> Get(const std::string& key, const std::string& marker);
  std::optional<Ticket> Create(const NewTicket& ticket);
  // Whether it was said.
  bool Comment(const std::string& key, const std::string& text);
  // Whether it is so now.
  bool SetOpen(const std::string& key, bool open);
  // With `why` as the last word, unless that is `said` already; nothing if a person closed it.
  // Whether it is closed. `marker`: as with Get.
  bool Close(const std::string& key, const std::string& marker, const std::string& why, bool& said);
  // The tickets of a repository with the label; nullptr: it could not be listed.
  const ListedTickets* List(const std::string& repository);
  // Whether List() has its answer already.
  bool HasListed(const std::string& repository) const { return lists_.contains(repository); }

  const std::optional<TicketFailure>& failure() const { return failure_; }
  bool IsGone() const { return failure_ && failure_->kind == TicketFailure::Kind::kGone; }
  // It is gone, or not where its key says.
  bool IsLost() const {
    return IsGone() || (failure_ && failure_->kind == TicketFailure::Kind::kRefused);
  }
  void Forgive() { failure_.reset(); }
  // Nothing more can be asked of the tracker for now.
  bool MustEnd() const;
  // The first of what was unusable.
  const std::optional<TicketFailure>& unusable() const { return unusable_; }

 private:
  // A ticket, or without a key a repository.
  struct Place {
    std::string repository;
    std::string key;
  };

  // What `request` brings, which is about `place`.
  template <typename Request>
  auto Ask(const Place& place, Request request);
  // The same of a ticket that is there.
  template <typename Request>
  auto AskOf(const std::string& key, Request request);
  // One write, when it is its turn.
  template <typename Request>
  auto Write(Request request);
  const TicketFailure* WhyBarred(const Place& place) const;
  void Bar(const Place& place, const TicketFailure& failure);
  // A ticket that is not found is gone if its repository is there; else it may be there, too.
  void TellIfGone(const std::string& repository);

  TicketSystem& system_;
  const TicketTime& time_;
  const Duration spacing_;
  SteadyTime& next_write_;
  std::map<std::string, ListedTickets> lists_;   // by repository
  std::map<std::string, TicketFailure> barred_;  // by repository, or the key of a ticket
  std::map<std::string, int> unusable_tickets_;  // how many, by repository
  std::optional<TicketFailure> unusable_;
  std::optional<TicketFailure> failure_;
};

}  // namespace postern::exporters

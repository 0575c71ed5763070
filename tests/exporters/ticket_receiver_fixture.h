// A tracker in memory, and a daemon's side of it: findings, rows, memory. For tests of the ticket
// receiver.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exporters/ticket_receiver.h"

namespace postern::exporters {

using namespace std::chrono_literals;

inline constexpr TimePoint kStart = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

// Stands still, but for pauses and what a test says.
class TestClock : public Clock {
 public:
  TimePoint Now() const override { return kStart; }
  SteadyTime Monotonic() const override { return at; }

  SteadyTime at;
};

// The tracker's side, which outlives a daemon. Fails as it is told, once for each.
struct Tracker {
  struct Issue {
    NewTicket made;
    bool open = true;
    std::vector<std::string> comments = {};  // the first line of each
    std::string last_comment = {};           // all of it
  };
  enum class Fault { kNone, kRetry, kRefused, kLost };  // kLost: done, but nobody hears of it

  std::map<std::string, Issue> issues;
  Fault next_list = Fault::kNone;
  Fault next_get = Fault::kNone;
  Fault next_create = Fault::kNone;
  Fault next_comment = Fault::kNone;
  Fault next_set_open = Fault::kNone;
  std::map<std::string, TicketFailure::Kind> broken = {};  // by repository, or the key of a ticket
  int lists = 0;
  int gets = 0;
  bool lists_lag = false;  // they show every ticket as open
  Duration each_takes{};   // a write
  Duration list_takes{};

  std::size_t OpenCount() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(issues, [](const auto& issue) { return issue.second.open; }));
  }
};

inline std::optional<TicketFailure> FailureOf(const Tracker& tracker, const std::string& key) {
  for (const auto& place : {key, key.substr(0, key.rfind('#'))}) {
    const auto at = tracker.broken.find(place);
    if (at != tracker.broken.end()) return TicketFailure{at->second, "http_4xx", place, {}};
  }
  return std::nullopt;
}

inline std::optional<TicketFailure> FailureOf(Tracker::Fault fault) {
  switch (fault) {
    case Tracker::Fault::kNone:
      return std::nullopt;
    case Tracker::Fault::kRetry:
      return TicketFailure{TicketFailure::Kind::kRetry, "http_4xx", "HTTP status 429: ", 7min};
    case Tracker::Fault::kRefused:
      return TicketFailure{
          TicketFailure::Kind::kRefused, "http_4xx", "HTTP status 422: no such assignee", {}};
    case Tracker::Fault::kLost:
      return TicketFailure{TicketFailure::Kind::kUnknown, "timeout", "timed out", {}};
  }
  return std::nullopt;
}

class InMemory : public TicketSystem {
 public:
  InMemory(Tracker& tracker, TestClock& clock) : tracker_(tracker), clock_(clock) {}

  TicketResult<std::vector<Ticket>> List(const std::string& repository) override {
    ++tracker_.lists;
    clock_.at += tracker_.list_takes;
    if (const auto failure = FailureOf(tracker_, repository)) return *failure;
    if (const auto failure = FailureOf(std::exchange(tracker_.next_list, Tracker::Fault::kNone)))
      return *failure;
    std::vector<Ticket> tickets;
    for (const auto& [key, issue] : tracker_.issues) {
      if (issue.made.repository == repository)
        tickets.push_back({key, issue.open || tracker_.lists_lag, issue.made.body});
    }
    return tickets;
  }
  TicketResult<Ticket> Get(const std::string& key) override {
    ++tracker_.gets;
    if (const auto failure = FailureOf(tracker_, key)) return *failure;
    if (const auto failure = FailureOf(std::exchange(tracker_.next_get, Tracker::Fault::kNone)))
      return *failure;
    const auto at = tracker_.issues.find(key);
    if (at == tracker_.issues.end())
      return TicketFailure{TicketFailure::Kind::kNotFound, "http_4xx", "HTTP status 404: ", {}};
    return Ticket{key, at->second.open, at->second.made.body};
  }
  TicketResult<Ticket> Create(const NewTicket& ticket) override {
    clock_.at += tracker_.each_takes;
    const auto fault = std::exchange(tracker_.next_create, Tracker::Fault::kNone);
    const auto key = ticket.repository + "#" + std::to_string(tracker_.issues.size() + 1);
    if (fault == Tracker::Fault::kNone || fault == Tracker::Fault::kLost) {
      tracker_.issues.emplace(key, Tracker::Issue{.made = ticket});
    }
    if (const auto failure = FailureOf(fault)) return *failure;
    return Ticket{key, true, ""};
  }
  TicketResult<Done> Comment(const std::string& key, const std::string& text) override {
    clock_.at += tracker_.each_takes;
    if (const auto failure = FailureOf(tracker_, key)) return *failure;
    if (const auto failure = FailureOf(std::exchange(tracker_.next_comment, Tracker::Fault::kNone)))
      return *failure;
    auto& issue = tracker_.issues.at(key);
    issue.comments.push_back(text.substr(0, text.find('\n')));
    issue.last_comment = text;
    return Done{};
  }
  TicketResult<Done> SetOpen(const std::string& key, bool open) override {
    clock_.at += tracker_.each_takes;
    const auto fault = std::exchange(tracker_.next_set_open, Tracker::Fault::kNone);
    if (fault == Tracker::Fault::kLost) tracker_.issues.at(key).open = open;
    if (const auto failure = FailureOf(fault)) return *failure;
    tracker_.issues.at(key).open = open;
    return Done{};
  }

 private:
  Tracker& tracker_;
  TestClock& clock_;
};

// A daemon with its store. Deliver() calls as the delivery thread does.
class TicketReceiverTest : public testing::Test {
 protected:
  TicketReceiverTest() { Restart(); }

  void Restart() {
    auto make_system = [this](SteadyTime deadline) -> Result<std::unique_ptr<TicketSystem>> {
      deadline_ = deadline;
      return {std::make_unique<InMemory>(tracker_, clock_)};
    };
    receiver_ = std::make_unique<TicketReceiver>(settings_, make_system,
                                                 TicketTime{clock_, [this](Duration pause) {
                                                              pauses_.push_back(pause);
                                                              clock_.at += pause;
                                                            }});
  }

  Finding& FindingOf(const std::string& id) {
    auto& finding = findings_[id];
    if (finding.id.empty()) {
      finding.id = id;
      finding.viewpoint = "public";
      finding.drift.host = "web-1";
      finding.drift.address = *IpAddress::Parse("192.0.2.10");
      finding.drift.port = 6379;
      finding.drift.ports = *PortSet::Parse("tcp/6379", PortSet::BarePorts::kAreTcp);
      finding.drift.observed = {PortState::kOpen, {Reason::Kind::kSynAck}};
      finding.drift.expected = "not_open";
    }
    return finding;
  }
  std::int64_t Tell(const std::string& id, TransitionKind kind) {
    batch_.queue.push_back({++rows_, {id, FindingOf(id).episode, kind, batch_.now}, {}});
    return rows_;
  }
  std::int64_t Open(const std::string& id) {
    FindingOf(id).state = FindingState::kOpen;
    FindingOf(id).resolution.reset();
    FindingOf(id).opened = batch_.now;
    return Tell(id, TransitionKind::kOpened);
  }
  // An acknowledgement lapsed, say: open all along.
  std::int64_t Lapse(const std::string& id) {
    batch_.now += 1min;
    return Tell(id, TransitionKind::kOpened);
  }
  std::int64_t OpenAgain(const std::string& id) {
    ++FindingOf(id).episode;
    return Open(id);
  }
  std::int64_t Resolve(const std::string& id) {
    FindingOf(id).state = FindingState::kResolved;
    FindingOf(id).resolution = Resolution::kFixed;
    FindingOf(id).resolved_by = "closed (rst)";
    return Tell(id, TransitionKind::kResolved);
  }

  DeliveryOutcome Once() {
    batch_.findings.clear();
    for (const auto& [id, finding] : findings_) batch_.findings.push_back(finding);
    const auto before = clock_.at;
    auto outcome = receiver_->Deliver(batch_, {});
    spent_ = std::chrono::duration_cast<Duration>(clock_.at - before);
    return outcome;
  }
  void Keep(const DeliveryOutcome& outcome) {
    batch_.now += spent_;
    if (outcome.memory) batch_.memory = *outcome.memory;
    std::erase_if(batch_.queue, [&](const QueuedTransition& row) {
      return std::ranges::count(outcome.taken, row.id) > 0 ||
             std::ranges::count(outcome.dropped, row.id) > 0 ||
             std::ranges::count(outcome.refused, row.id, &RefusedRow::id) > 0;
    });
  }
  // Until nothing waits or the receiver wants to be called later.
  DeliveryOutcome Deliver() {
    for (int call = 0; call < 100; ++call) {
      auto outcome = Once();
      Keep(outcome);
      if (outcome.status != DeliveryOutcome::Status::kDelivered || batch_.queue.empty())
        return outcome;
    }
    ADD_FAILURE() << "the receiver asks to be called again and again";
    return {};
  }

  const Tracker::Issue& OnlyIssue() {
    EXPECT_EQ(tracker_.issues.size(), 1U);
    return tracker_.issues.begin()->second;
  }

  TicketSettings settings_{.viewpoint = "public",
                           .receiver = "hub",
                           .per = TicketPer::kFinding,
                           .style = {},
                           .route = {"sec/exposure", "", ""},
                           .owners = {{"data", {"data/cache", "dora", "caches"}}},
                           .reopen_within = 24h * 7,
                           .spacing = 1s};
  Tracker tracker_;
  TestClock clock_;
  std::vector<Duration> pauses_;
  SteadyTime deadline_;  // of the last delivery
  Duration spent_{};     // in it
  DeliveryBatch batch_{.now = kStart, .findings = {}, .queue = {}, .memory = {}};
  std::map<std::string, Finding> findings_;
  std::int64_t rows_ = 0;
  std::unique_ptr<TicketReceiver> receiver_;
};

}  // namespace postern::exporters

#include "exporters/ticket_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace postern::exporters {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = TicketFailure::Kind;
using Status = DeliveryOutcome::Status;

constexpr TimePoint kStart = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

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
    std::vector<std::string> comments = {};
  };
  enum class Fault { kNone, kRetry, kRefused, kLost };  // kLost: done, but nobody hears of it

  std::map<std::string, Issue> issues;
  Fault next_create = Fault::kNone;
  Fault next_comment = Fault::kNone;
  int lists = 0;
  Duration each_takes{};  // a write

  std::size_t OpenCount() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(issues, [](const auto& issue) { return issue.second.open; }));
  }
};

std::optional<TicketFailure> FailureOf(Tracker::Fault fault) {
  switch (fault) {
    case Tracker::Fault::kNone:
      return std::nullopt;
    case Tracker::Fault::kRetry:
      return TicketFailure{Kind::kRetry, "http_4xx", "HTTP status 429: ", 7min};
    case Tracker::Fault::kRefused:
      return TicketFailure{Kind::kRefused, "http_4xx", "HTTP status 422: no such assignee", {}};
    case Tracker::Fault::kLost:
      return TicketFailure{Kind::kUnknown, "timeout", "timed out", {}};
  }
  return std::nullopt;
}

class InMemory : public TicketSystem {
 public:
  InMemory(Tracker& tracker, TestClock& clock) : tracker_(tracker), clock_(clock) {}

  TicketResult<std::vector<Ticket>> List(const std::string& repository) override {
    ++tracker_.lists;
    std::vector<Ticket> tickets;
    for (const auto& [key, issue] : tracker_.issues) {
      if (issue.made.repository == repository)
        tickets.push_back({key, issue.open, issue.made.body});
    }
    return tickets;
  }
  TicketResult<Ticket> Get(const std::string& key) override {
    const auto at = tracker_.issues.find(key);
    if (at == tracker_.issues.end()) return TicketFailure{Kind::kGone, "http_4xx", "gone", {}};
    return Ticket{key, at->second.open, ""};
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
    if (const auto failure = FailureOf(std::exchange(tracker_.next_comment, Tracker::Fault::kNone)))
      return *failure;
    tracker_.issues.at(key).comments.push_back(text.substr(0, text.find('\n')));
    return Done{};
  }
  TicketResult<Done> SetOpen(const std::string& key, bool open) override {
    tracker_.issues.at(key).open = open;
    return Done{};
  }

 private:
  Tracker& tracker_;
  TestClock& clock_;
};

// A daemon with its store: findings, rows, memory. Deliver calls as the delivery thread does.
class TicketReceiverTest : public testing::Test {
 protected:
  TicketReceiverTest() { Restart(); }

  void Restart() {
    TicketSettings settings{.external_url = "",
                            .route = {"sec/exposure", "", ""},
                            .owners = {{"data", {"data/cache", "dora", "caches"}}},
                            .markup = TicketMarkup::kMarkdown,
                            .reopen_within = 24h * 7,
                            .spacing = 1s};
    auto make_system = [this]() -> Result<std::unique_ptr<TicketSystem>> {
      return {std::make_unique<InMemory>(tracker_, clock_)};
    };
    receiver_ = std::make_unique<TicketReceiver>(settings, make_system,
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
    return Tell(id, TransitionKind::kOpened);
  }
  std::int64_t OpenAgain(const std::string& id) {
    ++FindingOf(id).episode;
    return Open(id);
  }
  std::int64_t Resolve(const std::string& id) {
    FindingOf(id).state = FindingState::kResolved;
    FindingOf(id).resolution = Resolution::kFixed;
    return Tell(id, TransitionKind::kResolved);
  }

  DeliveryOutcome Once() {
    batch_.findings.clear();
    for (const auto& [id, finding] : findings_) batch_.findings.push_back(finding);
    const auto before = clock_.at;
    auto outcome = receiver_->Deliver(batch_);
    spent_ = std::chrono::duration_cast<Duration>(clock_.at - before);
    return outcome;
  }
  void Keep(const DeliveryOutcome& outcome) {
    batch_.now += spent_;
    if (outcome.memory) batch_.memory = *outcome.memory;
    std::erase_if(batch_.queue, [&](const QueuedTransition& row) {
      return std::ranges::count(outcome.taken, row.id) > 0 ||
             std::ranges::count(outcome.refused, row.id, &RefusedRow::id) > 0;
    });
  }
  // Until nothing waits or the receiver wants to be called later.
  DeliveryOutcome Deliver() {
    for (int call = 0; call < 100; ++call) {
      auto outcome = Once();
      Keep(outcome);
      if (outcome.status != Status::kDelivered || batch_.queue.empty()) return outcome;
    }
    ADD_FAILURE() << "the receiver asks to be called again and again";
    return {};
  }

  const Tracker::Issue& OnlyIssue() {
    EXPECT_EQ(tracker_.issues.size(), 1U);
    return tracker_.issues.begin()->second;
  }

  Tracker tracker_;
  TestClock clock_;
  std::vector<Duration> pauses_;
  Duration spent_{};  // in the last delivery
  DeliveryBatch batch_{.now = kStart, .findings = {}, .queue = {}, .memory = {}};
  std::map<std::string, Finding> findings_;
  std::int64_t rows_ = 0;
  std::unique_ptr<TicketReceiver> receiver_;
};

TEST_F(TicketReceiverTest, OneTicketForAFindingsLife) {
  FindingOf("aaaaaaaaaa").drift.owner = "data";
  Open("aaaaaaaaaa");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(OnlyIssue().made.repository, "data/cache");
  EXPECT_EQ(OnlyIssue().made.assignee, "dora");
  EXPECT_EQ(OnlyIssue().made.component, "caches");
  EXPECT_THAT(OnlyIssue().made.body, HasSubstr("\npostern-finding-aaaaaaaaaa-1\n"));

  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
  batch_.now += 24h * 6;
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments,
              ElementsAre("It changed.", "Fixed: fresh observations agree with the policy.",
                          "It is back."));
}

TEST_F(TicketReceiverTest, AFindingThatReturnsTooLateGetsATicketOfItsOwn) {
  Open("aaaaaaaaaa");
  Deliver();
  Resolve("aaaaaaaaaa");
  Deliver();
  batch_.now += 24h * 8;
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(tracker_.OpenCount(), 1U);
}

TEST_F(TicketReceiverTest, ATicketThatAPersonClosedStaysClosedUntilTheFindingHasEnded) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.issues.begin()->second.open = false;
  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Open("aaaaaaaaaa");  // an acknowledgement ended
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, IsEmpty());
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, ElementsAre("It is back."));
}

TEST_F(TicketReceiverTest, TheIntentIsKeptBeforeTheRequestGoesOut) {
  Open("aaaaaaaaaa");
  const auto first = Once();
  EXPECT_THAT(tracker_.issues, IsEmpty());
  EXPECT_THAT(first.taken, IsEmpty());
  EXPECT_EQ(first.memory->at("aaaaaaaaaa"),
            R"({"episode":1,"repository":"sec/exposure","intent":"2026-03-01T00:00:00.000Z"})");
}

TEST_F(TicketReceiverTest, ACrashBetweenRequestAndAcknowledgementMakesNoSecondTicket) {
  Open("aaaaaaaaaa");
  Keep(Once());
  Once();  // the ticket is made, and nothing of it is kept
  Restart();
  tracker_.lists = 0;
  auto outcome = Deliver();
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.reason, "unanswered");
  EXPECT_EQ(outcome.retry_after, 70s);
  EXPECT_EQ(tracker_.lists, 0);

  batch_.now += 70s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 1U);
  Resolve("aaaaaaaaaa");
  Deliver();
  EXPECT_FALSE(OnlyIssue().open);
}

TEST_F(TicketReceiverTest, ALostAnswerMakesNoSecondTicketAndNoLostTicket) {
  for (const auto fault : {Tracker::Fault::kLost, Tracker::Fault::kRetry}) {
    const std::string id = fault == Tracker::Fault::kLost ? "aaaaaaaaaa" : "bbbbbbbbbb";
    tracker_.next_create = fault;
    Open(id);
    EXPECT_EQ(Deliver().status, Status::kRetry);
    batch_.now += 71s;
    EXPECT_EQ(Deliver().status, Status::kDelivered);
  }
  EXPECT_EQ(tracker_.issues.size(), 2U);
}

TEST_F(TicketReceiverTest, WhatWasMadeUnheardIsClosedWhenTheFindingEnds) {
  tracker_.next_create = Tracker::Fault::kLost;
  Open("aaaaaaaaaa");
  Deliver();
  Resolve("aaaaaaaaaa");
  batch_.now += 71s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_FALSE(OnlyIssue().open);
}

TEST_F(TicketReceiverTest, AnIntentWhoseRequestNeverWentOutIsMadeAnew) {
  Open("aaaaaaaaaa");
  Keep(Once());
  Restart();
  batch_.now += 71s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 1U);
}

TEST_F(TicketReceiverTest, AWaitForOneFindingHoldsUpNoOther) {
  tracker_.next_create = Tracker::Fault::kLost;
  Open("aaaaaaaaaa");
  Deliver();
  const auto row = Open("bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 2U);
  EXPECT_EQ(std::ranges::count(batch_.queue, row, &QueuedTransition::id), 0);
}

TEST_F(TicketReceiverTest, ALostMemoryFindsTheTicketsThatAreThere) {
  Open("aaaaaaaaaa");
  Deliver();
  batch_.memory.clear();
  Restart();
  Open("aaaaaaaaaa");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 1U);
}

TEST_F(TicketReceiverTest, WhatIsRefusedIsADeadLetterAndStopsNoOther) {
  tracker_.next_create = Tracker::Fault::kRefused;
  const auto refused = Open("aaaaaaaaaa");
  Open("bbbbbbbbbb");
  Keep(Once());
  const auto outcome = Once();
  EXPECT_EQ(outcome.status, Status::kDelivered);
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, refused);
  EXPECT_EQ(outcome.refused[0].reason, "HTTP status 422: no such assignee");
  EXPECT_THAT(outcome.taken, ElementsAre(refused + 1));
  EXPECT_EQ(tracker_.issues.size(), 1U);
}

TEST_F(TicketReceiverTest, ALimitEndsTheCallAndIsHonoured) {
  Open("aaaaaaaaaa");
  Open("bbbbbbbbbb");
  Keep(Once());
  tracker_.next_create = Tracker::Fault::kRetry;
  const auto outcome = Once();
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.retry_after, 7min);
  EXPECT_THAT(outcome.taken, IsEmpty());
  EXPECT_THAT(tracker_.issues, IsEmpty());
}

TEST_F(TicketReceiverTest, WritesAreASecondApartAndADeliveryEndsInTime) {
  for (const auto* id : {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"}) Open(id);
  Keep(Once());
  tracker_.each_takes = 5s;
  Keep(Once());
  EXPECT_EQ(tracker_.issues.size(), 2U) << "ten seconds are over";
  EXPECT_THAT(pauses_, ElementsAre(1s));
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 3U) << "the intent was too old and is made anew";
}

TEST_F(TicketReceiverTest, ThingsAreSaidInTheOrderInWhichTheyHappened) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.next_comment = Tracker::Fault::kRetry;
  Tell("aaaaaaaaaa", TransitionKind::kChanged);
  Resolve("aaaaaaaaaa");
  EXPECT_EQ(Deliver().status, Status::kRetry);
  EXPECT_TRUE(OnlyIssue().open) << "its end waits for its change";
  Deliver();
  EXPECT_THAT(OnlyIssue().comments,
              ElementsAre("It changed.", "Fixed: fresh observations agree with the policy."));
}

TEST_F(TicketReceiverTest, AnEndThatAReturnHasOvertakenClosesNothing) {
  Open("aaaaaaaaaa");
  Resolve("aaaaaaaaaa");
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
  EXPECT_THAT(OnlyIssue().comments, IsEmpty());
}

TEST_F(TicketReceiverTest, WhatIsOverBeforeAnybodyWasToldMakesNoTicket) {
  Open("aaaaaaaaaa");
  Resolve("aaaaaaaaaa");
  FindingOf("bbbbbbbbbb").drift.kind = DriftKind::kStateChanged;
  Open("bbbbbbbbbb");
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_THAT(tracker_.issues, IsEmpty());
  EXPECT_EQ(batch_.memory.count("aaaaaaaaaa"), 0U);
}

TEST_F(TicketReceiverTest, ATicketThatIsGoneIsMadeAnewWhenTheFindingReturns) {
  Open("aaaaaaaaaa");
  Deliver();
  tracker_.issues.clear();
  const auto row = Resolve("aaaaaaaaaa");
  const auto outcome = Once();
  ASSERT_EQ(outcome.refused.size(), 1U);
  EXPECT_EQ(outcome.refused[0].id, row);
  Keep(outcome);
  OpenAgain("aaaaaaaaaa");
  Deliver();
  EXPECT_TRUE(OnlyIssue().open);
}

// --- more than twenty in an hour ---

std::string Id(int number) {
  std::string id = std::to_string(number);
  return std::string(10 - id.size(), 'a') + id;
}

TEST_F(TicketReceiverTest, OneTicketSumsUpWhatIsTooMuchForAnHour) {
  for (int i = 0; i < 50; ++i) Open(Id(i));
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  ASSERT_EQ(tracker_.issues.size(), 21U);
  Open(Id(50));
  Deliver();
  const auto sum = std::ranges::find_if(tracker_.issues, [](const auto& issue) {
    return issue.second.made.title == "Postern: more than 20 findings opened within an hour";
  });
  ASSERT_NE(sum, tracker_.issues.end());
  EXPECT_THAT(sum->second.made.body, HasSubstr("    " + Id(49) + "  [warning] tcp/6379 is open"));
  EXPECT_THAT(sum->second.comments, ElementsAre("More findings opened:"));

  for (int i = 0; i < 50; ++i) Resolve(Id(i));
  Deliver();
  EXPECT_TRUE(sum->second.open);
  Resolve(Id(50));
  Deliver();
  EXPECT_EQ(tracker_.OpenCount(), 0U);
  EXPECT_EQ(sum->second.comments.back(), "None of these findings is open any more.");

  batch_.now += 61min;
  Open("bbbbbbbbbb");
  Deliver();
  EXPECT_EQ(tracker_.issues.size(), 22U) << "the hour is over";
}

TEST_F(TicketReceiverTest, ALostAnswerMakesNoSecondSum) {
  for (int i = 0; i < 20; ++i) Open(Id(i));
  Deliver();
  Open(Id(20));
  Keep(Once());
  tracker_.next_create = Tracker::Fault::kLost;
  EXPECT_EQ(Deliver().status, Status::kRetry);
  batch_.now += 71s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 21U);
}

TEST_F(TicketReceiverTest, ACrashMakesNoSecondSum) {
  for (int i = 0; i < 20; ++i) Open(Id(i));
  Deliver();
  Open(Id(20));
  Keep(Once());
  Once();  // the sum is made, and nothing of it is kept
  ASSERT_EQ(tracker_.issues.size(), 21U);
  Restart();
  EXPECT_EQ(Deliver().reason, "unanswered");
  batch_.now += 71s;
  EXPECT_EQ(Deliver().status, Status::kDelivered);
  EXPECT_EQ(tracker_.issues.size(), 21U);
}

TEST_F(TicketReceiverTest, WithoutACredentialNothingGoesAndNothingIsLost) {
  TicketReceiver receiver({}, []() -> Result<std::unique_ptr<TicketSystem>> {
    return Error{"secret file t cannot be read or is empty"};
  });
  Open("aaaaaaaaaa");
  const auto outcome = receiver.Deliver(batch_);
  EXPECT_EQ(outcome.status, Status::kRetry);
  EXPECT_EQ(outcome.reason, "secret");
  EXPECT_THAT(outcome.taken, IsEmpty());
}

}  // namespace
}  // namespace postern::exporters

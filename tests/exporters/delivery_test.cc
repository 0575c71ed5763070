#include "exporters/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "core/log.h"

namespace postern::exporters {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;
using Status = DeliveryOutcome::Status;

// Far longer than anything here takes; only a failing test waits for it.
constexpr auto kDeadline = 30s;
constexpr TimePoint kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31);
constexpr DeliveryTiming kPatient{.resend = 1h, .shortest_backoff = 1h, .longest_backoff = 1h};
// The log line for a row that was taken.
constexpr std::string_view kTold = "info soc aaaaaaaaaa opened";
constexpr DeliveryTiming kQuick{.resend = 1h, .shortest_backoff = 1ms, .longest_backoff = 2ms};

// The two ends of a delivery: what there is to deliver, and a receiver that answers as told and
// then takes everything. Thread-safe.
class World {
 public:
  // What a Deliver saw, acknowledgements and log lines, in order: "deliver 1 2 {k=v}", "ack 1 2
  // {k=v}", "warning timeout".
  std::vector<std::string> Events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  // Waits for `count` events; those that are there if they do not come.
  std::vector<std::string> Await(std::size_t count, Duration deadline = kDeadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, deadline, [&] { return events_.size() >= count; });
    return events_;
  }
  void Queue(std::int64_t id) {
    const std::lock_guard lock(mutex_);
    batch_.queue.push_back({id, {"aaaaaaaaaa", 1, TransitionKind::kOpened, kNow}, {}});
  }
  void Answer(DeliveryOutcome outcome) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(outcome));
  }
  void FailLoads(int count) {
    const std::lock_guard lock(mutex_);
    failing_loads_ = count;
  }
  void FailAcknowledges(int count) {
    const std::lock_guard lock(mutex_);
    failing_acknowledges_ = count;
  }
  // Deliveries wait until they are released.
  void Hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void Note(const std::string& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
    changed_.notify_all();
  }

  DeliverySource Source() {
    return {.load = [this] { return Load(); },
            .acknowledge = [this](const DeliveryOutcome& outcome,
                                  TimePoint at) { return Acknowledge(outcome, at); }};
  }
  std::unique_ptr<Receiver> MakeReceiver() { return std::make_unique<FakeReceiver>(*this); }

 private:
  using Memory = std::map<std::string, std::string>;

  class FakeReceiver : public Receiver {
   public:
    explicit FakeReceiver(World& world) : world_(world) {}
    DeliveryOutcome Deliver(const DeliveryBatch& batch, const std::stop_token&) override {
      return world_.Take(batch);
    }

   private:
    World& world_;
  };

  static std::string Text(const std::vector<std::int64_t>& rows, const Memory& memory) {
    std::string text;
    for (const std::int64_t row : rows) text += " " + std::to_string(row);
    for (const auto& [key, value] : memory) {
      text.append(" {").append(key).append("=").append(value).append("}");
    }
    return text;
  }

  Result<DeliveryBatch> Load() {
    const std::lock_guard lock(mutex_);
    if (failing_loads_ > 0) {
      --failing_loads_;
      return Error{"database is locked"};
    }
    return batch_;
  }

  DeliveryOutcome Take(const DeliveryBatch& batch) {
    std::vector<std::int64_t> rows;
    for (const auto& queued : batch.queue) {
      if (!queued.delivered) rows.push_back(queued.id);
    }
    Note("deliver" + Text(rows, batch.memory));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !held_; });
    DeliveryOutcome outcome;
    outcome.taken = rows;
    outcome.resent = true;
    if (!answers_.empty()) {
      outcome = answers_.front();
      answers_.pop_front();
    }
    return outcome;
  }

  Result<void> Acknowledge(const DeliveryOutcome& outcome, TimePoint at) {
    std::string refused;
    for (const auto& row : outcome.refused) {
      refused += " refused " + std::to_string(row.id) + ": " + row.reason;
    }
    for (const auto row : outcome.dropped) refused += " dropped " + std::to_string(row);
    Note("ack" + Text(outcome.taken, outcome.memory.value_or(Memory())) + refused);
    const std::lock_guard lock(mutex_);
    if (failing_acknowledges_ > 0) {
      --failing_acknowledges_;
      return Error{"disk full"};
    }
    for (auto& queued : batch_.queue) {
      const auto is = [&](std::int64_t row) { return row == queued.id; };
      if (std::ranges::any_of(outcome.taken, is) || std::ranges::any_of(outcome.dropped, is)) {
        queued.delivered = at;
      }
    }
    std::erase_if(batch_.queue, [&](const QueuedTransition& queued) {
      return std::ranges::count(outcome.refused, queued.id, &RefusedRow::id) != 0;
    });
    if (outcome.memory) batch_.memory = *outcome.memory;
    return {};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
  DeliveryBatch batch_{.now = kNow, .findings = {}, .queue = {}, .memory = {}};
  std::deque<DeliveryOutcome> answers_;
  int failing_loads_ = 0;
  int failing_acknowledges_ = 0;
  bool held_ = false;
};

DeliveryOutcome Failure(Status status, std::string reason, Duration retry_after = {}) {
  return {.status = status,
          .reason = std::move(reason),
          .detail = "because",
          .retry_after = retry_after,
          .taken = {},
          .refused = {},
          .memory = {}};
}

class DeliveryTest : public testing::Test {
 protected:
  DeliveryTest() {
    metrics_.SetReceivers({"soc"});
    SetLogSink([this](LogLevel level, std::string_view, const std::vector<LogField>& fields) {
      std::string line(ToString(level));
      for (const LogField& field : fields) line += " " + field.value;
      world_.Note(line);
    });
  }
  ~DeliveryTest() override { SetLogSink({}); }

  std::unique_ptr<Delivery> Start(DeliveryTiming timing) {
    return std::make_unique<Delivery>("soc", world_.MakeReceiver(), world_.Source(), metrics_,
                                      timing);
  }

  World world_;
  Metrics metrics_{"0.1.0"};
};

TEST_F(DeliveryTest, DeliversAtOnceThenOnNews) {
  world_.Queue(1);
  world_.Queue(2);
  const auto delivery = Start(kPatient);
  EXPECT_THAT(world_.Await(4), ElementsAre("deliver 1 2", "ack 1 2", kTold, kTold));
  world_.Queue(3);
  delivery->Wake();
  EXPECT_THAT(world_.Await(7),
              ElementsAre("deliver 1 2", "ack 1 2", kTold, kTold, "deliver 3", "ack 3", kTold));
}

TEST_F(DeliveryTest, ResendsThePresentStateAndWritesOnlyWhatChanged) {
  const auto delivery = Start({.resend = 1ms, .shortest_backoff = 1h, .longest_backoff = 1h});
  auto events = world_.Await(3);
  events.resize(3);
  EXPECT_THAT(events, ElementsAre("deliver", "deliver", "deliver"));
  DeliveryOutcome with_memory;
  with_memory.memory = std::map<std::string, std::string>{{"k", "v"}};
  world_.Answer(with_memory);
  for (int i = 0; i < 1000 && std::ranges::count(world_.Events(), "deliver {k=v}") == 0; ++i) {
    world_.Await(world_.Events().size() + 1);
  }
  EXPECT_EQ(std::ranges::count(world_.Events(), "ack {k=v}"), 1);
}

TEST_F(DeliveryTest, ARetriedFailureIsLoggedOnceCountedEachTimeAndRecovers) {
  world_.Queue(1);
  for (int i = 0; i < 3; ++i) world_.Answer(Failure(Status::kRetry, "timeout"));
  world_.Answer(Failure(Status::kRetry, "http_5xx"));
  const auto delivery = Start(kQuick);
  EXPECT_THAT(
      world_.Await(10),
      ElementsAre("deliver 1", "warning soc timeout because", "deliver 1", "deliver 1", "deliver 1",
                  "warning soc http_5xx because", "deliver 1", "ack 1", kTold, "info soc"));
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, HasSubstr("_failures_total{receiver=\"soc\",reason=\"timeout\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("_failures_total{receiver=\"soc\",reason=\"http_5xx\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("postern_notifications_total{receiver=\"soc\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("failing_since_timestamp_seconds{receiver=\"soc\"} 0\n"));
}

TEST_F(DeliveryTest, NewsDoNotCutTheWaitAfterAFailureShort) {
  world_.Answer(Failure(Status::kRetry, "http_4xx", 1h));
  const auto delivery = Start(kQuick);
  world_.Await(2);
  world_.Queue(1);
  for (int i = 0; i < 100; ++i) delivery->Wake();
  EXPECT_THAT(world_.Await(3, 100ms), ElementsAre("deliver", "warning soc http_4xx because"));
  EXPECT_THAT(metrics_.Render(), Not(HasSubstr("notifications_total{receiver=\"soc\"} 1\n")));
  EXPECT_THAT(metrics_.Render(),
              Not(HasSubstr("failing_since_timestamp_seconds{receiver=\"soc\"} 0\n")));
}

TEST_F(DeliveryTest, ARejectedStateIsTriedAgainWithTheNextNews) {
  world_.Queue(1);
  world_.Answer(Failure(Status::kRejected, "http_4xx"));
  const auto delivery = Start(kPatient);
  EXPECT_THAT(world_.Await(2), ElementsAre("deliver 1", "warning soc http_4xx because"));
  delivery->Wake();
  EXPECT_THAT(world_.Await(6), ElementsAre("deliver 1", "warning soc http_4xx because", "deliver 1",
                                           "ack 1", kTold, "info soc"));
}

TEST_F(DeliveryTest, WhatWasTakenBeforeAFailureIsAcknowledged) {
  world_.Queue(1);
  world_.Queue(2);
  auto half = Failure(Status::kRetry, "timeout");
  half.taken = {1};
  world_.Answer(half);
  const auto delivery = Start(kQuick);
  EXPECT_THAT(world_.Await(8),
              ElementsAre("deliver 1 2", "ack 1", kTold, "warning soc timeout because", "deliver 2",
                          "ack 2", kTold, "info soc"));
}

TEST_F(DeliveryTest, WhatHadNoTurnFollowsAtOnce) {
  world_.Queue(1);
  world_.Queue(2);
  DeliveryOutcome first;
  first.taken = {1};
  world_.Answer(first);
  const auto delivery = Start(kPatient);
  EXPECT_THAT(world_.Await(6),
              ElementsAre("deliver 1 2", "ack 1", kTold, "deliver 2", "ack 2", kTold));
}

TEST_F(DeliveryTest, ARefusedNotificationIsADeadLetterAndStopsNoOther) {
  world_.Queue(1);
  world_.Queue(2);
  DeliveryOutcome outcome;
  outcome.taken = {2};
  outcome.refused = {{1, "HTTP status 422"}};
  world_.Answer(outcome);
  const auto delivery = Start(kPatient);
  EXPECT_THAT(world_.Await(4), ElementsAre("deliver 1 2", "ack 2 refused 1: HTTP status 422",
                                           "error soc aaaaaaaaaa HTTP status 422", kTold));
  delivery->Wake();
  EXPECT_THAT(world_.Await(5).back(), "deliver");
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("_failures_total{receiver=\"soc\",reason=\"refused\"} 1\n"));
}

TEST_F(DeliveryTest, WhatIsRefusedWithoutARowIsToldAndHoldsNothingUp) {
  world_.Queue(1);
  DeliveryOutcome outcome;
  outcome.taken = {1};
  outcome.refused = {{.id = 0, .reason = "HTTP status 400", .finding = "bbbbbbbbbb"}};
  world_.Answer(outcome);
  const auto delivery = Start(kPatient);
  EXPECT_THAT(world_.Await(4), ElementsAre("deliver 1", "ack 1 refused 0: HTTP status 400",
                                           "error soc bbbbbbbbbb HTTP status 400", kTold));
  EXPECT_THAT(world_.Await(5, 100ms), SizeIs(4));  // nothing has its turn
}

TEST_F(DeliveryTest, ALongQueueIsAHundredLinesAndACount) {
  for (int id = 1; id <= 103; ++id) world_.Queue(id);
  const auto delivery = Start(kPatient);
  const auto events = world_.Await(103);
  EXPECT_EQ(std::ranges::count(events, kTold), 100);
  EXPECT_EQ(events.back(), "info soc 3");
}

TEST_F(DeliveryTest, AStoreThatFailsIsAFailureToo) {
  world_.Queue(1);
  world_.FailLoads(2);
  world_.FailAcknowledges(1);
  const auto delivery = Start(kQuick);
  EXPECT_THAT(world_.Await(7), ElementsAre("warning soc storage database is locked", "deliver 1",
                                           "ack 1", "ack 1", kTold, "deliver", "info soc"));
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("_failures_total{receiver=\"soc\",reason=\"storage\"} 3\n"));
}

TEST_F(DeliveryTest, WhatCouldNotBeWrittenDownIsNotSentAgainButWrittenDownFirst) {
  world_.Queue(1);
  world_.Queue(2);
  world_.FailAcknowledges(3);
  DeliveryOutcome outcome;
  outcome.taken = {1};
  outcome.refused = {{2, "HTTP status 422"}};
  world_.Answer(outcome);
  const auto delivery = Start(kQuick);
  const std::string ack = "ack 1 refused 2: HTTP status 422";
  EXPECT_THAT(world_.Await(10),
              ElementsAre("deliver 1 2", ack, "warning soc storage disk full", ack, ack, ack,
                          "error soc aaaaaaaaaa HTTP status 422", kTold, "deliver", "info soc"));
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("_failures_total{receiver=\"soc\",reason=\"refused\"} 1\n"));
}

// As where a ticket is intended, and its creation fails.
TEST_F(DeliveryTest, ADeliveryThatBringsNothingOutIsNoRecovery) {
  world_.Queue(1);
  for (int i = 0; i < 2; ++i) {
    world_.Answer({});
    world_.Answer(Failure(Status::kRetry, "http_5xx"));
  }
  const auto delivery = Start(kQuick);
  EXPECT_THAT(world_.Await(9),
              ElementsAre("deliver 1", "deliver 1", "warning soc http_5xx because", "deliver 1",
                          "deliver 1", "deliver 1", "ack 1", kTold, "info soc"));
  EXPECT_THAT(metrics_.Render(), HasSubstr("postern_notifications_total{receiver=\"soc\"} 1\n"));
}

TEST_F(DeliveryTest, WhatIsDroppedIsNeitherToldNorCounted) {
  world_.Queue(1);
  DeliveryOutcome outcome;
  outcome.dropped = {1};
  world_.Answer(outcome);
  world_.Answer({});
  auto delivery = Start(kPatient);
  EXPECT_THAT(world_.Await(2), ElementsAre("deliver 1", "ack dropped 1"));
  delivery->Wake();
  EXPECT_THAT(world_.Await(3), ElementsAre("deliver 1", "ack dropped 1", "deliver"));
  delivery.reset();
  EXPECT_THAT(metrics_.Render(), HasSubstr("postern_notifications_total{receiver=\"soc\"} 0\n"));
}

TEST_F(DeliveryTest, NewsEndAWaitThatIsNotForTheReceiver) {
  auto unanswered = Failure(Status::kRetry, "unanswered", 1h);
  unanswered.until_news = true;
  world_.Answer(unanswered);
  const auto delivery = Start(kPatient);
  world_.Await(2);
  world_.Queue(1);
  delivery->Wake();
  EXPECT_THAT(world_.Await(6), ElementsAre("deliver", "warning soc unanswered because", "deliver 1",
                                           "ack 1", kTold, "info soc"));
}

TEST_F(DeliveryTest, AHungReceiverDelaysNoOther) {
  World other;
  world_.Hold(true);
  const auto hung = Start(kPatient);
  world_.Await(1);
  other.Queue(7);
  const Delivery healthy("soc", other.MakeReceiver(), other.Source(), metrics_, kPatient);
  EXPECT_THAT(other.Await(2), ElementsAre("deliver 7", "ack 7"));
  EXPECT_THAT(world_.Await(2), ElementsAre("deliver", kTold));  // the other's line
  world_.Hold(false);
}

TEST_F(DeliveryTest, StoppingEndsTheWaitAtOnceAndDeliversNothingMore) {
  world_.Answer(Failure(Status::kRetry, "timeout"));
  auto delivery = Start(kPatient);
  world_.Await(2);
  delivery->RequestStop();
  delivery->Wake();
  delivery.reset();  // would hang for an hour
  EXPECT_THAT(world_.Events(), ElementsAre("deliver", "warning soc timeout because"));
}

TEST(BackoffTest, DoublesUpToItsLimitWithUpToHalfOff) {
  const DeliveryTiming timing;
  EXPECT_EQ(Backoff(timing, 1, 0), 1s);
  EXPECT_EQ(Backoff(timing, 2, 0), 2s);
  EXPECT_EQ(Backoff(timing, 5, 0), 16s);
  EXPECT_EQ(Backoff(timing, 5, 1), 8s);
  EXPECT_EQ(Backoff(timing, 9, 0), 256s);
  EXPECT_EQ(Backoff(timing, 10, 0), 5min);
  EXPECT_EQ(Backoff(timing, 1'000'000, 0.5), 225s);
}

}  // namespace
}  // namespace postern::exporters

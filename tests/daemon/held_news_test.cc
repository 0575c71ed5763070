#include "daemon/held_news.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/stored_test.h"

namespace postern::daemon {
namespace {

using storage::HeldChanges;
using storage::OutboxRow;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kOpened = TransitionKind::kOpened;
constexpr auto kChanged = TransitionKind::kChanged;
constexpr auto kResolved = TransitionKind::kResolved;

// Rows 1, 2, ... of these kinds; a finding that opens after its end begins another episode.
std::vector<OutboxRow> Rows(const std::vector<TransitionKind>& kinds) {
  std::vector<OutboxRow> rows;
  int episode = 1;
  for (const auto kind : kinds) {
    if (kind == kOpened && !rows.empty()) ++episode;
    OutboxRow row;
    row.id = static_cast<std::int64_t>(rows.size()) + 1;
    row.transition = {"aaaaaaaaaa", episode, kind, kNow};
    rows.push_back(row);
  }
  return rows;
}

TEST(ReleaseNewsTest, TellsWhereAStoryEndedAndNotHow) {
  using Ids = std::vector<std::int64_t>;
  struct Case {
    std::vector<TransitionKind> rows;
    FindingState state;
    bool known;
    HeldChanges changes;
  };
  const auto told = [](Ids released, Ids settled) {
    return HeldChanges{{}, std::move(released), std::move(settled), {}};
  };
  const auto never = [](Ids cancelled) { return HeldChanges{{}, {}, {}, std::move(cancelled)}; };
  const Case cases[] = {
      // The receiver knows nothing of it.
      {{kOpened}, FindingState::kOpen, false, told({1}, {})},
      {{kOpened, kChanged}, FindingState::kOpen, false, told({1}, {2})},
      {{kOpened, kResolved}, FindingState::kResolved, false, never({1, 2})},
      {{kOpened, kResolved}, FindingState::kPending, false, never({1, 2})},
      {{kOpened, kResolved, kOpened}, FindingState::kOpen, false, told({3}, {1, 2})},
      {{kOpened, kResolved, kOpened, kResolved},
       FindingState::kResolved,
       false,
       never({1, 2, 3, 4})},
      {{kOpened}, FindingState::kAcknowledged, false, never({1})},
      {{kOpened}, FindingState::kAccepted, false, never({1})},
      // The receiver was told that it is there.
      {{kResolved}, FindingState::kResolved, true, told({1}, {})},
      {{kChanged, kChanged}, FindingState::kOpen, true, told({2}, {1})},
      {{kChanged, kResolved}, FindingState::kResolved, true, told({2}, {1})},
      {{kResolved, kOpened}, FindingState::kOpen, true, told({}, {1, 2})},
      {{kResolved, kOpened, kChanged}, FindingState::kOpen, true, told({3}, {1, 2})},
      {{kChanged, kResolved, kOpened}, FindingState::kOpen, true, told({}, {1, 2, 3})},
      {{kResolved, kOpened, kResolved}, FindingState::kResolved, true, told({3}, {1, 2})},
      {{kOpened}, FindingState::kOpen, true, told({1}, {})},  // an acknowledgement lapsed
  };
  for (const auto& one : cases) {
    std::string kinds;
    for (const auto kind : one.rows) kinds += std::string(ToString(kind)) + " ";
    EXPECT_EQ(ReleaseNews(Rows(one.rows), one.state, one.known), one.changes)
        << kinds << (one.known ? "known" : "not known");
  }
}

class FollowWindowsTest : public StoredTest {
 protected:
  // The finding of web-1 and what the receiver is to be told of it.
  void Tell(TransitionKind kind) {
    now_ += std::chrono::minutes(1);
    Finding finding;
    finding.id = "aaaaaaaaaa";
    finding.viewpoint = "public";
    finding.drift.host = "web-1";
    finding.drift.address = Address("192.0.2.1");
    finding.drift.subject = "192.0.2.1";
    finding.state = kind == kResolved ? FindingState::kResolved : FindingState::kOpen;
    finding.first_seen = finding.last_seen = kNow;
    const std::vector findings = {finding};
    const storage::Changes changes{.findings = findings,
                                   .outbox = {{"hook", {{finding.id, 1, kind, now_}}}}};
    ASSERT_TRUE(store_->Commit(changes));
  }
  void Follow(const std::vector<ActiveWindow>& windows) {
    ASSERT_TRUE(FollowWindows(*store_, "hook", *store_->Findings(), windows, now_));
  }
  std::vector<std::string> Waiting() const {
    std::vector<std::string> lines;
    const auto rows = *store_->Outbox("hook", TimePoint::max());
    for (const auto& row : rows) {
      lines.push_back(std::string(ToString(row.transition.kind)) +
                      (row.held.empty() ? "" : " of " + row.held) +
                      (row.released ? " released" : ""));
    }
    return lines;
  }

  const std::vector<ActiveWindow> move_ = {
      {{{"web-1"}, {}, {}, {}}, "window move: CHG-7", kNow + std::chrono::hours(1)}};
  const std::vector<ActiveWindow> other_ = {
      {{{"db-1"}, {}, {}, {}}, "window dumps: db", kNow + std::chrono::hours(1)}};
};

TEST_F(FollowWindowsTest, NewsWaitForTheEndOfTheirWindow) {
  Tell(kOpened);
  Follow(other_);
  EXPECT_THAT(Waiting(), ElementsAre("opened"));
  Follow(move_);
  EXPECT_THAT(Waiting(), ElementsAre("opened of window move: CHG-7"));
  EXPECT_EQ(*store_->CountOutbox("hook"), (storage::OutboxCount{0, std::nullopt, 0, 1}));
  EXPECT_EQ(store_->FindingsWithHeldNews()->at("aaaaaaaaaa").window, "window move: CHG-7");

  Restart();
  Follow(move_);
  EXPECT_THAT(Waiting(), ElementsAre("opened of window move: CHG-7"));
  now_ += std::chrono::hours(1);
  Follow({});
  EXPECT_THAT(Waiting(), ElementsAre("opened of window move: CHG-7 released"));
  EXPECT_EQ(*store_->CountOutbox("hook"), (storage::OutboxCount{1, now_, 0, 0}))
      << "its age counts from the end of the window";
  EXPECT_THAT(*store_->FindingsWithHeldNews(), IsEmpty());
}

TEST_F(FollowWindowsTest, WhatCameAndWentMeanwhileIsAsIfItHadNeverBeen) {
  Follow(move_);
  Tell(kOpened);
  Follow(move_);
  Tell(kResolved);
  Follow(move_);
  Follow({});
  EXPECT_THAT(Waiting(), IsEmpty());
  EXPECT_FALSE(*store_->HasNewsOf("hook", "aaaaaaaaaa", 1));
}

TEST_F(FollowWindowsTest, TheEndOfWhatWasToldBeforeIsToldAtTheEnd) {
  Tell(kOpened);
  ASSERT_TRUE(store_->Acknowledge("hook", {.taken = {1}, .refused = {}}, now_));
  Tell(kResolved);
  Follow(move_);
  EXPECT_THAT(Waiting(), ElementsAre("resolved of window move: CHG-7"));
  Follow({});
  EXPECT_THAT(Waiting(), ElementsAre("resolved of window move: CHG-7 released"));
}

TEST_F(FollowWindowsTest, AnotherWindowTakesOver) {
  Tell(kOpened);
  Follow(move_);
  Follow({});
  Follow(move_);
  EXPECT_THAT(Waiting(), ElementsAre("opened of window move: CHG-7")) << "held once more";
}

}  // namespace
}  // namespace postern::daemon

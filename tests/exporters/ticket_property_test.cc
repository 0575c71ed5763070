// Tickets under random sequences of openings, ends, changes, faults of the tracker, crashes and
// time: never two for a finding or a host, and none is left open when all is over.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>

#include "exporters/ticket_receiver_fixture.h"

namespace postern::exporters {
namespace {

constexpr int kSequences = 2000;
constexpr int kSteps = 60;
// Not a refusal, which makes a dead letter of the row.
constexpr std::array kFaults = {Tracker::Fault::kNone, Tracker::Fault::kRetry,
                                Tracker::Fault::kLost};
constexpr std::array kOthers = {&Tracker::next_list, &Tracker::next_get, &Tracker::next_comment,
                                &Tracker::next_set_open};

class TicketPropertyTest : public TicketReceiverTest,
                           public testing::WithParamInterface<TicketPer> {
 protected:
  // Three hosts of two findings each.
  static std::string Id(int n) { return std::string(9, 'a') + static_cast<char>('a' + n); }
  static std::string HostOf(int n) { return "web-" + std::to_string(n / 2); }

  void Begin() {
    tracker_ = {};
    findings_.clear();
    batch_ = {.now = kStart, .findings = {}, .queue = {}, .memory = {}};
    settings_.per = GetParam();
    for (int n = 0; n < 6; ++n) FindingOf(Id(n)).drift.host = HostOf(n);
    Restart();
  }

  void Step(std::mt19937& random) {
    const auto id = Id(static_cast<int>(random() % 6));
    auto& finding = FindingOf(id);
    const bool open = finding.state == FindingState::kOpen;
    switch (random() % 8) {
      case 0:
      case 1:
        open ? Resolve(id) : finding.opened ? OpenAgain(id) : Open(id);
        finding.opened = batch_.now;
        return;
      case 2:
        if (open) random() % 2 == 0 ? Tell(id, TransitionKind::kChanged) : Lapse(id);
        return;
      case 3:
        tracker_.next_create = kFaults.at(random() % kFaults.size());
        return;
      case 4:
        tracker_.*kOthers.at(random() % kOthers.size()) = kFaults.at(random() % kFaults.size());
        return;
      case 5:
        Once();  // and nothing of it is kept
        Restart();
        return;
      default:
        Keep(Once());
        batch_.now += std::chrono::seconds(random() % 40);
    }
  }

  void Drain() {
    tracker_.next_create = Tracker::Fault::kNone;
    for (const auto next : kOthers) tracker_.*next = Tracker::Fault::kNone;
    for (int round = 0; round < 10 && !batch_.queue.empty(); ++round) {
      Deliver();
      batch_.now += 91s;
    }
    EXPECT_TRUE(batch_.queue.empty());
  }

  // The marker without its number says which finding or host a ticket is of.
  void ExpectOneEach() const {
    std::set<std::string> seen;
    for (const auto& [key, issue] : tracker_.issues) {
      const auto begin = issue.made.body.rfind("postern-");
      const auto whose = issue.made.body.substr(begin, issue.made.body.rfind('-') - begin);
      EXPECT_TRUE(seen.insert(whose).second) << whose;
    }
  }
};

TEST_P(TicketPropertyTest, NeverTwoAndNoneLeftOpen) {
  for (int seed = 0; seed < kSequences && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(static_cast<unsigned>(seed));
    Begin();
    for (int step = 0; step < kSteps; ++step) Step(random);
    Drain();
    ExpectOneEach();
    std::set<std::string> wanted;
    for (const auto& [id, finding] : findings_) {
      if (finding.state != FindingState::kOpen) continue;
      wanted.insert(GetParam() == TicketPer::kFinding ? id : finding.drift.host);
    }
    EXPECT_EQ(tracker_.OpenCount(), wanted.size());
    for (int n = 0; n < 6; ++n) {
      if (FindingOf(Id(n)).state == FindingState::kOpen) Resolve(Id(n));
    }
    Drain();
    EXPECT_EQ(tracker_.OpenCount(), 0U);
    ExpectOneEach();
  }
}

INSTANTIATE_TEST_SUITE_P(Per, TicketPropertyTest,
                         testing::Values(TicketPer::kFinding, TicketPer::kHost),
                         [](const auto& info) {
                           return info.param == TicketPer::kFinding ? "Finding" : "Host";
                         });

}  // namespace
}  // namespace postern::exporters

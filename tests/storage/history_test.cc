// What the runs of several scans say of one address, put together.
#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

const IpAddress kHost = Address("192.0.2.1");

class HistoryTest : public StoreTest {
 protected:
  void Run(const std::string& scan, const PortStates& tcp, bool blind = false) {
    auto snapshot = TcpSnapshot(scan, kHost, tcp);
    snapshot.coverage.blind = {blind, blind};
    snapshot.run.started = At(100 * ++runs_);
    snapshot.run.finished = At(100 * runs_ + 10);
    Commit(*store_, snapshot);
  }

  static std::string Text(const PortHistory& story) {
    std::string text = std::to_string(story.asked.first) + "-" + std::to_string(story.asked.last);
    for (const auto& change : story.changes) {
      text += " " + std::to_string(change.run) + ":" + std::string(ToString(change.verdict.state)) +
              "(" + change.scan + ")";
    }
    return text;
  }

  std::string Told() const {
    const auto history = Get(store_->History(kHost));
    std::string text;
    for (const auto& protocol : history.protocols) {
      for (const auto& story : protocol.ports) {
        text += std::to_string(story.ports.first) + "-" + std::to_string(story.ports.last) + ": " +
                Text(story) + "\n";
      }
      text += "others: " + Text(protocol.others) + "\n";
    }
    return text;
  }

  std::unique_ptr<Store> store_;
  std::int64_t runs_ = 0;

  void SetUp() override {
    StoreTest::SetUp();
    store_ = Write();
  }
};

TEST_F(HistoryTest, NothingIsKnownOfAStranger) {
  Run("top", States({{{1, 9}, kClosed}}));
  EXPECT_TRUE(Get(store_->History(Address("192.0.2.9"))).protocols.empty());
  EXPECT_EQ(Get(store_->NeighboursOf(Address("192.0.2.9"))), std::vector{kHost});
  EXPECT_EQ(Get(store_->NeighboursOf(Address("2001:db8::1"))), std::vector<IpAddress>());
}

TEST_F(HistoryTest, APortThatOpensAndClosesHasAStoryOfItsOwn) {
  Run("top", States({{{1, 99}, kClosed}}));
  Run("top", States({{{1, 21}, kClosed}, {{22, 22}, kOpen}, {{23, 99}, kClosed}}));
  Run("top", States({{{1, 21}, kClosed}, {{22, 22}, kOpen}, {{23, 99}, kClosed}}));
  Run("top", States({{{1, 99}, kClosed}}));
  EXPECT_EQ(Told(),
            "22-22: 1-4 1:closed(top) 2:open(top) 4:closed(top)\n"
            "others: 1-4 1:closed(top)\n");
  const auto history = Get(store_->History(kHost));
  EXPECT_EQ(history.run_times.at(2), At(210));
  EXPECT_EQ(history.kept_since, At(100));
}

TEST_F(HistoryTest, WhatTwoScansSawIsOneStory) {
  Run("top", States({{{1, 99}, kClosed}}));
  Run("full", States({{{22, 22}, kOpen}}));
  Run("top", States({{{1, 21}, kClosed}, {{22, 22}, kOpen}, {{23, 99}, kClosed}}));
  Run("full", States({{{22, 22}, kOpen}, {{500, 509}, kClosed}}));
  EXPECT_EQ(Told(),
            "22-22: 1-4 1:closed(top) 2:open(full)\n"
            "others: 1-4 1:closed(top)\n");
}

TEST_F(HistoryTest, WhatCouldNotBeToldAndBlindRunsChangeNothing) {
  Run("top", States({{{22, 22}, kOpen}, {{23, 29}, kClosed}}));
  Run("top", States({{{22, 22}, kLocalError}, {{23, 29}, kClosed}}));
  Run("top", States({{{22, 22}, kFiltered}, {{23, 29}, kFiltered}}), /*blind=*/true);
  Run("top", States({{{22, 22}, kOpen}, {{23, 29}, kClosed}}));
  EXPECT_EQ(Told(),
            "22-22: 1-4 1:open(top)\n"
            "others: 1-4 1:closed(top)\n");
}

TEST_F(HistoryTest, AHostWhoseCommonStateChanges) {
  Run("top", States({{{1, 21}, kClosed}, {{22, 22}, kOpen}, {{23, 99}, kClosed}}));
  Run("top", States({{{1, 99}, kFiltered}}));
  EXPECT_EQ(Told(),
            "22-22: 1-2 1:open(top) 2:filtered(top)\n"
            "others: 1-2 1:closed(top) 2:filtered(top)\n");
}

TEST_F(HistoryTest, FindingsOfTheAddressComeWithTheirEvidence) {
  Finding finding;
  finding.viewpoint = "public";
  finding.drift.address = kHost;
  finding.drift.subject = "192.0.2.1";
  finding.id = FindingId(finding.viewpoint, finding.drift);
  Evidence evidence;
  evidence.finding_id = finding.id;
  ASSERT_EQ(Message(store_->Commit({.findings = {&finding, 1}, .evidence = {&evidence, 1}})), "ok");
  const auto history = Get(store_->History(kHost));
  EXPECT_EQ(history.findings, std::vector{finding});
  ASSERT_EQ(history.evidence.size(), 1U);
  EXPECT_EQ(history.evidence[0].finding_id, finding.id);
}

}  // namespace
}  // namespace postern::storage

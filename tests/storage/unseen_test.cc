// What runs could not look at, and the age of the observations that follows from it.
#include <gmock/gmock.h>

#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kWeb[] = "192.0.2.1";

PortSet Ports(std::string_view spec) { return *PortSet::Parse(spec, PortSet::BarePorts::kAreTcp); }

class UnseenTest : public StoreTest {
 protected:
  // A run that begins `minutes` after the first and could not look at `list`.
  void Run(int minutes, std::vector<Unseen> list, std::uint64_t part = 0,
           std::uint64_t runs_per_round = 1) {
    auto snapshot = TcpSnapshot("top", Address(kWeb), States({{{22, 22}, kOpen}}));
    snapshot.run.started = At(minutes * 60);
    snapshot.coverage.complete = list.empty();
    snapshot.run.id = *store_->BeginRun(snapshot.run);
    Changes changes;
    changes.snapshot = &snapshot;
    changes.unseen.emplace();
    changes.unseen->list = std::move(list);
    changes.unseen->runs_per_round = runs_per_round;
    changes.unseen->part = part;
    ASSERT_EQ(Message(store_->Commit(changes)), "ok");
  }

  // "web-1 192.0.2.1 since 3 min", and the age of all.
  std::vector<std::string> UnseenNow(std::uint64_t runs_per_round = 1) const {
    const auto observations = Get(store_->ObservationsOf("top", runs_per_round));
    std::vector<std::string> lines;
    for (const auto& one : observations.unseen) {
      lines.push_back(one.host + " " + one.subject + " since " + Minutes(one.since) + " min");
    }
    lines.push_back("oldest " + (observations.oldest ? Minutes(*observations.oldest) : "none"));
    return lines;
  }

  static std::string Minutes(TimePoint time) {
    return std::to_string(std::chrono::floor<std::chrono::minutes>(time - At(0)).count());
  }

  static Unseen Web(std::string_view ports) { return {kWeb, "web-1", Ports(ports)}; }

  std::unique_ptr<Store> store_ = Write();
};

TEST_F(UnseenTest, TheAgeIsThatOfTheOldestEndpoint) {
  EXPECT_THAT(UnseenNow(), ElementsAre("oldest none"));
  Run(0, {});
  Run(1, {});
  EXPECT_THAT(UnseenNow(), ElementsAre("oldest 1"));
  Run(2, {Web("22")});
  Run(3, {Web("22,80")});
  EXPECT_THAT(UnseenNow(), ElementsAre("web-1 192.0.2.1 since 1 min", "oldest 1"));
  Run(4, {});
  EXPECT_THAT(UnseenNow(), ElementsAre("oldest 4"));
}

TEST_F(UnseenTest, PortsThatTakeTurnsAreSeenInTurn) {
  Run(0, {});
  Run(1, {Web("22")});
  Run(2, {Web("80")});
  Run(3, {Web("22")});
  EXPECT_THAT(UnseenNow(), ElementsAre("web-1 192.0.2.1 since 2 min", "oldest 2"));
}

TEST_F(UnseenTest, WhatWasNeverSeenCountsFromItsFirstRun) {
  Run(0, {});
  Run(1, {{"198.51.100.1", "new", Ports("22")}, {"new.example.com", "new", {}}});
  Run(2, {{"198.51.100.1", "new", Ports("22")}, {"new.example.com", "new", {}}});
  EXPECT_THAT(UnseenNow(), ElementsAre("new 198.51.100.1 since 1 min",
                                       "new new.example.com since 1 min", "oldest 1"));
}

TEST_F(UnseenTest, AWholeFamilyIsOneExceptionAndForgetsNoAddress) {
  Run(0, {});
  Run(1, {Web("22")});
  Run(2, {{"ipv4", "", {}}});
  Run(3, {{"ipv4", "", {}}});
  EXPECT_THAT(UnseenNow(),
              ElementsAre("web-1 192.0.2.1 since 0 min", " ipv4 since 1 min", "oldest 0"));
  Run(4, {Web("22")});
  EXPECT_THAT(UnseenNow(), ElementsAre("web-1 192.0.2.1 since 0 min", "oldest 0"));
}

TEST_F(UnseenTest, AnAddressBehindANameThatFailedWasNotSeenMeanwhile) {
  Run(0, {});
  ASSERT_EQ(Message(store_->Commit({.names = {{"www", {Address(kWeb)}}}, .names_at = At(0)})),
            "ok");
  Run(1, {{"www", "web-1", {}}});
  Run(2, {{"www", "web-1", {}}});
  Run(3, {Web("22")});
  EXPECT_THAT(UnseenNow(), ElementsAre("web-1 192.0.2.1 since 0 min", "oldest 0"));
}

TEST_F(UnseenTest, ASweepSeesAPartOnceInARound) {
  Run(0, {}, 1, 2);
  Run(1, {}, 2, 2);
  Run(2, {Web("22")}, 1, 2);
  Run(3, {}, 2, 2);
  EXPECT_THAT(UnseenNow(2), ElementsAre("web-1 192.0.2.1 since 0 min", "oldest 0"))
      << "the other part says nothing of these ports";
  Run(4, {}, 1, 2);
  EXPECT_THAT(UnseenNow(2), ElementsAre("oldest 3"));
}

TEST_F(UnseenTest, APartThatIsAskedNoMoreIsForgotten) {
  Run(0, {Web("22")}, 7, 1);
  Run(1, {}, 0, 1);
  EXPECT_THAT(UnseenNow(), ElementsAre("oldest 1"));
}

TEST_F(UnseenTest, ARunWithoutExceptionsKeepsNone) {
  for (int i = 0; i < 3; ++i) Run(i, {});
  EXPECT_THAT(Get(store_->ObservationsOf("top", 1)).unseen, IsEmpty());
  store_.reset();
  EXPECT_THAT(Get(Read()->ObservationsOf("top", 1)).oldest, At(120));
}

}  // namespace
}  // namespace postern::storage

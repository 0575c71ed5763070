#include "daemon/recheck.h"

#include <gtest/gtest.h>

#include <future>

namespace postern::daemon {
namespace {

const RecheckResult kFixed{RecheckOutcome::kFixed, "closed (rst)"};

// Asks until there is an answer. The work has been let go on by then.
RecheckResult Await(Rechecks& rechecks, const std::string& id) {
  while (true) {
    const auto answer = rechecks.Ask(id);
    EXPECT_TRUE(answer) << answer.error().message;
    if (!answer) return {};
    if (*answer) return **answer;
    std::this_thread::yield();
  }
}

TEST(RechecksTest, OneAtATimeAndItsResultIsToldOnce) {
  std::promise<void> go_on;
  auto gate = go_on.get_future().share();
  int asked = 0;
  Rechecks rechecks([&](const std::string&, const std::stop_token&) -> Result<RecheckResult> {
    ++asked;
    gate.wait();
    return kFixed;
  });
  EXPECT_EQ(*rechecks.Ask("aaaaaaaaaa"), std::nullopt);
  EXPECT_EQ(*rechecks.Ask("aaaaaaaaaa"), std::nullopt) << "it is under way";
  const auto other = rechecks.Ask("bbbbbbbbbb");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "finding aaaaaaaaaa is being asked again; wait for that");
  go_on.set_value();
  EXPECT_EQ(Await(rechecks, "aaaaaaaaaa"), kFixed);
  EXPECT_EQ(Await(rechecks, "aaaaaaaaaa"), kFixed) << "and begins anew";
  EXPECT_EQ(asked, 2);
}

TEST(RechecksTest, AResultThatNobodyFetchedHoldsUpNoOther) {
  Rechecks rechecks([](const std::string& id, const std::stop_token&) -> Result<RecheckResult> {
    return RecheckResult{RecheckOutcome::kStillOpen, id};
  });
  EXPECT_EQ(*rechecks.Ask("aaaaaaaaaa"), std::nullopt);
  auto other = rechecks.Ask("bbbbbbbbbb");
  while (!other) {
    std::this_thread::yield();
    other = rechecks.Ask("bbbbbbbbbb");
  }
  EXPECT_EQ(Await(rechecks, "bbbbbbbbbb").why, "bbbbbbbbbb");
}

TEST(RechecksTest, ItsEndStopsTheWork) {
  std::promise<void> begun;
  {
    Rechecks rechecks(
        [&](const std::string&, const std::stop_token& stop) -> Result<RecheckResult> {
          begun.set_value();
          while (!stop.stop_requested()) std::this_thread::yield();
          return Error{"stopped"};
        });
    EXPECT_EQ(*rechecks.Ask("aaaaaaaaaa"), std::nullopt);
    begun.get_future().wait();
  }
}

}  // namespace
}  // namespace postern::daemon

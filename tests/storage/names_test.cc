#include <gmock/gmock.h>

#include "storage/store_fixture.h"

namespace postern::storage {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;

class NamesTest : public StoreTest {
 protected:
  static void Answered(Store& store, Duration after, const std::vector<std::string>& addresses) {
    std::vector<IpAddress> list;
    for (const auto& address : addresses) list.push_back(Address(address));
    ASSERT_EQ(Message(store.Commit({.names = {{"www", list}}, .names_at = At(0) + after})), "ok");
  }

  // "192.0.2.1 after 5 h"
  static std::vector<std::string> Remembered(const Store& store) {
    std::vector<std::string> lines;
    const auto names = Get(store.Names());
    for (const auto& [address, seen] : names.at("www")) {
      lines.push_back(address.ToString() + " after " +
                      std::to_string(std::chrono::floor<hours>(seen - At(0)).count()) + " h");
    }
    return lines;
  }
};

TEST_F(NamesTest, WhatANameLedToOutlastsTheProgram) {
  Answered(*Write(), hours(5), {"192.0.2.1", "2001:db8::1"});
  EXPECT_THAT(Remembered(*Read()), ElementsAre("192.0.2.1 after 5 h", "2001:db8::1 after 5 h"));
}

TEST_F(NamesTest, ALaterAnswerCountsOnceItIsAnHourLater) {
  const auto store = Write();
  Answered(*store, hours(0), {"192.0.2.1"});
  Answered(*store, minutes(59), {"192.0.2.1"});
  EXPECT_THAT(Remembered(*store), ElementsAre("192.0.2.1 after 0 h"));
  Answered(*store, minutes(60), {"192.0.2.1"});
  EXPECT_THAT(Remembered(*store), ElementsAre("192.0.2.1 after 1 h"));
  Answered(*store, minutes(10), {"192.0.2.1"});
  EXPECT_THAT(Remembered(*store), ElementsAre("192.0.2.1 after 1 h")) << "a run that ended late";
}

TEST_F(NamesTest, ForgetsAfterThirtyDaysOfOtherAnswers) {
  const auto store = Write();
  Answered(*store, hours(0), {"192.0.2.1", "192.0.2.2"});
  Answered(*store, kAddressMemory, {"192.0.2.2"});
  EXPECT_EQ(Remembered(*store).size(), 2U);
  Answered(*store, kAddressMemory + hours(1), {"192.0.2.2"});
  EXPECT_THAT(Remembered(*store), ElementsAre("192.0.2.2 after 721 h"));
}

TEST_F(NamesTest, KeepsTheNewestOfTooMany) {
  const auto store = Write();
  Answered(*store, hours(0), {"192.0.2.1"});
  std::vector<IpAddress> many;
  for (std::uint64_t i = 0; i < 4000; ++i) many.push_back(Address("198.51.0.0").Plus(i));
  ASSERT_EQ(Message(store->Commit({.names = {{"www", many}}, .names_at = At(9)})), "ok");
  const auto names = Get(store->Names());
  EXPECT_EQ(names.at("www").size(), kMostRememberedAddresses);
  EXPECT_FALSE(names.at("www").contains(Address("192.0.2.1")));
}

TEST_F(NamesTest, OfANameThatAnswersNoMoreNothingStaysForGood) {
  const auto store = Write();
  Answered(*store, hours(0), {"192.0.2.1"});
  Expiry expiry{};
  expiry.names = At(0);
  EXPECT_EQ(Get(store->RemoveExpired(expiry)), false);
  EXPECT_EQ(Remembered(*store).size(), 1U);
  expiry.names = At(1);
  Get(store->RemoveExpired(expiry));
  EXPECT_EQ(Sql("SELECT count(*) FROM name_addresses"), std::vector<std::string>{"0"});
}

class WatchTest : public StoreTest {
 protected:
  // "0-60 100-200; top since 0"
  static std::string Watch(Store& store, std::int64_t at,
                           const std::map<std::string, std::string>& scans) {
    const auto watching = Get(store.Watch(scans, At(at)));
    std::string text;
    const auto seconds = [](TimePoint time) {
      return std::to_string(std::chrono::floor<std::chrono::seconds>(time - At(0)).count());
    };
    for (const auto& [begin, end] : watching.watches) {
      text += seconds(begin) + "-" + seconds(end) + " ";
    }
    for (const auto& [scan, since] : watching.scans_since) {
      text += "; " + scan + " since " + seconds(since);
    }
    return text;
  }
};

TEST_F(WatchTest, LooksThatAreCloseMakeOneWatchOverRestarts) {
  const std::map<std::string, std::string> none;
  EXPECT_EQ(Watch(*Write(), 0, none), "0-0 ");
  EXPECT_EQ(Watch(*Write(), 60, none), "0-60 ");
  EXPECT_EQ(Watch(*Write(), 210, none), "0-210 ");
  EXPECT_EQ(Watch(*Write(), 361, none), "0-210 361-361 ") << "down, or paused, in between";
  EXPECT_EQ(Watch(*Write(), 420, none), "0-210 361-420 ");
  EXPECT_EQ(Watch(*Write(), 100, none), "0-100 ") << "the clock was set back";
}

TEST_F(WatchTest, AScanCountsFromWhenItIsConfiguredAsItIs) {
  const auto store = Write();
  EXPECT_EQ(Watch(*store, 0, {{"top", "every 1h"}}), "0-0 ; top since 0");
  EXPECT_EQ(Watch(*store, 60, {{"top", "every 1h"}}), "0-60 ; top since 0");
  EXPECT_EQ(Watch(*store, 120, {{"full", "x"}, {"top", "every 1m"}}),
            "0-120 ; full since 120; top since 120");
  EXPECT_EQ(Watch(*store, 180, {{"full", "x"}}), "0-180 ; full since 120");
}

}  // namespace
}  // namespace postern::storage

#include "exporters/basic_auth.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

namespace postern::exporters {
namespace {

using Verdict = BasicAuth::Verdict;

// Of "secret" and "other", at the lowest cost.
const HttpUsers kUsers = {
    {"prometheus", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"},
    {"other", "$2b$04$abcdefghijklmnopqrstuu0HtfOlPbTiymk5tcV.3TsFPDd3SYZqu"}};

Verdict Await(BasicAuth& auth, const Credentials& credentials, const HttpUsers& users = kUsers) {
  auto promise = std::make_shared<std::promise<Verdict>>();
  auto late = promise->get_future();
  const auto now = auth.Check(credentials, users, [promise](Verdict v) { promise->set_value(v); });
  return now ? *now : late.get();
}

TEST(ParseBasicAuth, TakesWhatRfc7617Says) {
  const auto parsed = ParseBasicAuth("bAsIc cHJvbTpzZTpjcmV0");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->user, "prom");
  EXPECT_EQ(parsed->password, "se:cret");
  for (const auto* bad : {"", "Basic", "Basic ", "Basic cHJvbQ==", "Bearer cHJvbTpz", "Basic !!!!",
                          "Basic YTpiAGM="}) {  // the last: a NUL in the password
    EXPECT_FALSE(ParseBasicAuth(bad)) << bad;
  }
}

TEST(BasicAuthTest, TellsRightFromWrong) {
  BasicAuth auth;
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}), Verdict::kRight);
  EXPECT_EQ(Await(auth, {"other", "other"}), Verdict::kRight);
  EXPECT_EQ(Await(auth, {"prometheus", "Secret"}), Verdict::kWrong);
  EXPECT_EQ(Await(auth, {"prometheus", ""}), Verdict::kWrong);
  EXPECT_EQ(Await(auth, {"other", "secret"}), Verdict::kWrong);
  // Whosever hash an unknown name is checked against, its password does not help.
  for (const auto* name : {"", "a", "b", "c", "d", "e"}) {
    EXPECT_EQ(Await(auth, {name, "secret"}), Verdict::kWrong);
    EXPECT_EQ(Await(auth, {name, "other"}), Verdict::kWrong);
  }
}

TEST(BasicAuthTest, RemembersWhatWasRightForThatHashOnly) {
  BasicAuth auth;
  const auto never = [](Verdict) {};
  EXPECT_EQ(auth.Check({"prometheus", "nope"}, kUsers, never), std::nullopt);
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}), Verdict::kRight);
  EXPECT_EQ(auth.Check({"prometheus", "secret"}, kUsers, never), Verdict::kRight);
  EXPECT_EQ(auth.Check({"prometheus", "nope"}, kUsers, never), std::nullopt);
  const HttpUsers changed = {{"prometheus", kUsers.at("other")}};
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}, changed), Verdict::kWrong);
  // The user has another name now, and the same password.
  const HttpUsers renamed = {{"grafana", kUsers.at("prometheus")}};
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}, renamed), Verdict::kWrong);
}

TEST(BasicAuthTest, AFloodOfGuessesIsCutAndKeepsNobodyOutWhoWasRightBefore) {
  BasicAuth auth;
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}), Verdict::kRight);
  std::promise<void> taken;
  std::promise<void> release;
  const auto hold = [&](Verdict) {
    taken.set_value();
    release.get_future().wait();
  };
  EXPECT_EQ(auth.Check({"other", "guess"}, kUsers, hold), std::nullopt);
  taken.get_future().wait();  // nothing is checked until `release`
  const auto never = [](Verdict) {};
  for (std::size_t i = 0; i < BasicAuth::kLongestQueue; ++i) {
    EXPECT_EQ(auth.Check({"other", std::to_string(i)}, kUsers, never), std::nullopt);
  }
  EXPECT_EQ(auth.Check({"other", "guess"}, kUsers, never), Verdict::kBusy);
  EXPECT_EQ(auth.Check({"prometheus", "secret"}, kUsers, never), Verdict::kRight);
  release.set_value();
}

}  // namespace
}  // namespace postern::exporters

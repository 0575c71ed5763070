#include "exporters/basic_auth.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

namespace postern::exporters {
namespace {

using Verdict = BasicAuth::Verdict;

// Of "secret" and "other" at the lowest cost, and of "secret" at one that takes a third of a
// second.
const HttpUsers kUsers = {
    {"prometheus", "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"},
    {"other", "$2b$04$abcdefghijklmnopqrstuu0HtfOlPbTiymk5tcV.3TsFPDd3SYZqu"}};
const HttpUsers kSlow = {{"slow", "$2y$12$abcdefghijklmnopqrstuuT1Iwu6o8Wx7BoOyIMHfgVJq6JO/IJhW"}};

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
  const auto never = [](Verdict) {};
  std::size_t queued = 0;
  while (!auth.Check({"slow", std::to_string(queued)}, kSlow, never)) {
    ASSERT_LE(++queued, BasicAuth::kLongestQueue + 1);  // and the one that is being checked
  }
  EXPECT_GE(queued, BasicAuth::kLongestQueue);
  EXPECT_EQ(auth.Check({"slow", "secret"}, kSlow, never), Verdict::kBusy);
  EXPECT_EQ(auth.Check({"prometheus", "secret"}, kUsers, never), Verdict::kRight);
}

}  // namespace
}  // namespace postern::exporters

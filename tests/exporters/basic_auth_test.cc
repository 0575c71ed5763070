#include "exporters/basic_auth.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

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
  const auto now =
      auth.Check("192.0.2.1", credentials, users, [promise](Verdict v) { promise->set_value(v); });
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
  EXPECT_EQ(auth.Check("192.0.2.2", {"prometheus", "nope"}, kUsers, never), std::nullopt);
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}), Verdict::kRight);
  EXPECT_EQ(auth.Check("192.0.2.2", {"prometheus", "secret"}, kUsers, never), Verdict::kRight);
  EXPECT_EQ(auth.Check("192.0.2.2", {"prometheus", "nope"}, kUsers, never), std::nullopt);
  const HttpUsers changed = {{"prometheus", kUsers.at("other")}};
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}, changed), Verdict::kWrong);
  // The user has another name now, and the same password.
  const HttpUsers renamed = {{"grafana", kUsers.at("prometheus")}};
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}, renamed), Verdict::kWrong);
}

// Checks that begin when Release() is called, in a queue that nothing leaves before.
class Flooded {
 public:
  Flooded() {
    auth_.Check("192.0.2.2", {"other", "guess"}, kUsers, [this](Verdict) {
      taken_.set_value();
      released_.wait();
    });
    taken_.get_future().wait();
  }

  BasicAuth& auth() { return auth_; }
  void Release() { release_.set_value(); }

 private:
  std::promise<void> taken_;
  std::promise<void> release_;
  const std::shared_future<void> released_ = release_.get_future().share();
  BasicAuth auth_;  // last: its thread uses all of the above
};

TEST(BasicAuthTest, AFloodOfGuessesIsCutAndKeepsNobodyOutWhoWasRightBefore) {
  const auto never = [](Verdict) {};
  Flooded flooded;
  auto& auth = flooded.auth();
  for (std::size_t i = 0; i < BasicAuth::kMaxOfClient; ++i) {
    EXPECT_EQ(auth.Check("192.0.2.2", {"other", std::to_string(i)}, kUsers, never), std::nullopt);
  }
  EXPECT_EQ(auth.Check("192.0.2.2", {"other", "guess"}, kUsers, never), Verdict::kBusy);
  flooded.Release();
  EXPECT_EQ(Await(auth, {"prometheus", "secret"}), Verdict::kRight);
  EXPECT_EQ(auth.Check("192.0.2.2", {"prometheus", "secret"}, kUsers, never), Verdict::kRight);
}

TEST(BasicAuthTest, AClientThatGuessesLocksNoOtherOut) {
  std::mutex mutex;
  std::vector<std::string> order;
  std::promise<void> done;
  Flooded flooded;
  auto& auth = flooded.auth();
  const auto check = [&](const std::string& client, const std::string& password) {
    return auth.Check(client, {"other", password}, kUsers, [&, client](Verdict) {
      const std::lock_guard lock(mutex);
      order.push_back(client);
      if (order.size() == BasicAuth::kMaxOfClient + 2) done.set_value();
    });
  };
  while (check("192.0.2.2", "guess") != Verdict::kBusy) {
  }
  check("192.0.2.3", "a");
  check("192.0.2.4", "b");
  flooded.Release();
  done.get_future().wait();
  const std::vector<std::string> first(order.begin(), order.begin() + 3);
  EXPECT_EQ(first, (std::vector<std::string>{"192.0.2.2", "192.0.2.3", "192.0.2.4"}));
}

TEST(BasicAuthTest, ManyClientsAreBoundedTogether) {
  const auto never = [](Verdict) {};
  Flooded flooded;
  auto& auth = flooded.auth();
  for (std::size_t i = 0; i < BasicAuth::kMaxQueue; ++i) {
    EXPECT_EQ(auth.Check("client " + std::to_string(i), {"other", "guess"}, kUsers, never),
              std::nullopt);
  }
  EXPECT_EQ(auth.Check("one more", {"other", "guess"}, kUsers, never), Verdict::kBusy);
  flooded.Release();
}

}  // namespace
}  // namespace postern::exporters

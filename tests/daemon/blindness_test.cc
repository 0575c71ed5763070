#include "daemon/blindness.h"

#include <gtest/gtest.h>

namespace postern::daemon {
namespace {

const std::set<std::string> kScans = {"expected", "top"};
constexpr Blindness::Sight kBlind = {Family::kIpv6, true, false};
constexpr Blindness::Sight kSees = {Family::kIpv6, false, false};
constexpr Blindness::Sight kSeesCanaries = {Family::kIpv6, false, true};

TEST(BlindnessTest, AScanThatAsksLessDoesNotTakeBackWhatAnotherSaw) {
  Blindness blindness;
  EXPECT_FALSE(blindness.After("expected", kSees, kScans));
  EXPECT_TRUE(blindness.After("top", kBlind, kScans));
  EXPECT_TRUE(blindness.After("expected", kSees, kScans));
  EXPECT_FALSE(blindness.After("top", kSees, kScans));
}

TEST(BlindnessTest, CanariesVouchForAllScans) {
  Blindness blindness;
  EXPECT_TRUE(blindness.After("top", kBlind, kScans));
  EXPECT_FALSE(blindness.After("expected", kSeesCanaries, kScans));
}

TEST(BlindnessTest, AFamilySaysNothingOfTheOther) {
  Blindness blindness;
  EXPECT_TRUE(blindness.After("top", kBlind, kScans));
  EXPECT_FALSE(blindness.After("top", {Family::kIpv4, false, true}, kScans));
  EXPECT_TRUE(blindness.After("expected", kSees, kScans));
}

TEST(BlindnessTest, AScanThatIsGoneIsBlindNoMore) {
  Blindness blindness;
  EXPECT_TRUE(blindness.After("top", kBlind, kScans));
  EXPECT_FALSE(blindness.After("expected", kSees, {"expected"}));
}

}  // namespace
}  // namespace postern::daemon

// What it takes to believe an answer without an id.
#include "scanner/udp_unproven.h"

#include <gtest/gtest.h>

#include "scanner/udp_sockets.h"

namespace postern::scanner {
namespace {

constexpr Verdict kOpen{PortState::kOpen, {Reason::Kind::kUdpResponse}};
constexpr Verdict kClosed{PortState::kClosed, {Reason::Kind::kIcmp, 3, 3}};
constexpr std::size_t kFirst = UdpSockets::AgainPort(0);
constexpr std::size_t kSecond = UdpSockets::AgainPort(1);

TEST(UdpUnproven, BelievesAReplyThatTwoFreshPortsGot) {
  UdpUnproven unproven;
  EXPECT_EQ(unproven.Heard(7, 0, kOpen), std::nullopt);
  unproven.Sent(7, kFirst);
  EXPECT_EQ(unproven.Heard(7, kFirst, kOpen), std::nullopt);
  EXPECT_EQ(unproven.Heard(7, kFirst, kOpen), std::nullopt) << "one port, however often";
  unproven.Sent(7, kSecond);
  EXPECT_EQ(unproven.Heard(7, kSecond, kOpen), kOpen);
}

TEST(UdpUnproven, CountsNoReplyBeforeItsPortHasAsked) {
  UdpUnproven unproven;
  unproven.Heard(7, 0, kOpen);
  unproven.Sent(7, kFirst);
  unproven.Heard(7, kFirst, kOpen);
  EXPECT_EQ(unproven.Heard(7, kSecond, kOpen), std::nullopt);
  EXPECT_EQ(unproven.Heard(7, 1, kOpen), std::nullopt) << "a port of the tries";
  unproven.Sent(8, kSecond);
  EXPECT_EQ(unproven.Heard(7, kSecond, kOpen), std::nullopt) << "it asked another endpoint";
}

TEST(UdpUnproven, BelievesAnErrorThatOneFreshPortGot) {
  UdpUnproven unproven;
  EXPECT_EQ(unproven.Heard(7, 0, kClosed), std::nullopt);
  unproven.Sent(7, kFirst);
  EXPECT_EQ(unproven.Heard(7, kFirst, kClosed), kClosed);
}

TEST(UdpUnproven, ErrorsAndRepliesDoNotVouchForOneAnother) {
  UdpUnproven unproven;
  unproven.Heard(7, 0, kOpen);
  unproven.Sent(7, kFirst);
  unproven.Sent(7, kSecond);
  unproven.Heard(7, kFirst, kOpen);
  EXPECT_EQ(unproven.Heard(7, kSecond, kClosed), kClosed);
}

TEST(UdpUnproven, GivesUpAfterSomeAsks) {
  UdpUnproven unproven;
  EXPECT_FALSE(unproven.IsAsked(7));
  unproven.Heard(7, 0, kOpen);
  for (int i = 0; i < UdpUnproven::kMaxAsks; ++i) {
    EXPECT_TRUE(unproven.IsAsked(7));
    unproven.Sent(7, UdpSockets::AgainPort(static_cast<std::size_t>(i)));
  }
  EXPECT_FALSE(unproven.IsAsked(7));
  EXPECT_EQ(unproven.Endpoints(), std::vector<std::uint64_t>{7});
}

}  // namespace
}  // namespace postern::scanner

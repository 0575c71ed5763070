#include "drift/viewpoint_trust.h"

#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::drift {
namespace {

using Families = std::array<bool, 2>;

constexpr Families kNeither = {false, false};
constexpr Families kIpv4 = {true, false};
constexpr Families kIpv6 = {false, true};

CanaryReading Canary(std::string_view address, PortState observed) {
  return {{Address(address), Protocol::kTcp, 443}, PortState::kOpen, observed};
}

Snapshot Saw(std::vector<AddressStates> addresses) {
  Snapshot snapshot;
  snapshot.addresses = std::move(addresses);
  return snapshot;
}

TEST(BlindFamiliesTest, MoreThanHalfOfAFamilysCanariesWrong) {
  const auto right = PortState::kOpen;
  const auto wrong = PortState::kFiltered;
  EXPECT_EQ(BlindFamilies({}, {}, {}), kNeither);
  EXPECT_EQ(
      BlindFamilies(std::vector{Canary("192.0.2.1", right), Canary("192.0.2.2", wrong)}, {}, {}),
      kNeither);
  EXPECT_EQ(BlindFamilies(std::vector{Canary("192.0.2.1", wrong), Canary("192.0.2.2", wrong),
                                      Canary("2001:db8::1", right)},
                          {}, {}),
            kIpv4);
  EXPECT_EQ(BlindFamilies(std::vector{Canary("2001:db8::1", PortState::kUnknown)}, {}, {}), kIpv6)
      << "a canary that could not be probed does not vouch for anything";
}

TEST(BlindFamiliesTest, AMassLossOfOpenEndpointsWhereNoCanaryIsAsked) {
  const auto before = std::vector{States("192.0.2.1", {{{1, 20}, PortState::kOpen}})};
  const auto lost = [&](std::uint16_t count, PortState state) {
    Sight sight = {{{1, count}, state}};
    if (count < 20)
      sight.push_back({{static_cast<std::uint16_t>(count + 1), 20}, PortState::kOpen});
    return Saw({States("192.0.2.1", sight)});
  };
  EXPECT_EQ(BlindFamilies({}, before, lost(9, PortState::kFiltered)), kNeither);
  EXPECT_EQ(BlindFamilies({}, before, lost(10, PortState::kFiltered)), kIpv4);
  EXPECT_EQ(BlindFamilies({}, before, lost(20, PortState::kUnknown)), kNeither)
      << "unknown is not lost";
  EXPECT_EQ(BlindFamilies(std::vector{Canary("192.0.2.9", PortState::kOpen)}, before,
                          lost(20, PortState::kFiltered)),
            kNeither)
      << "a canary that is right says that the hosts themselves went away";
  EXPECT_EQ(BlindFamilies({}, before, Saw({})), kNeither) << "not asked is not lost";
}

TEST(VouchedFamiliesTest, AnyAnswerOrARightCanaryVouches) {
  const auto closed = Saw({States("2001:db8::1", {{Port(80), PortState::kClosed}})});
  const auto silent = Saw({States("192.0.2.1", {{{1, 99}, PortState::kFiltered}})});
  EXPECT_EQ(VouchedFamilies({}, closed), kIpv6);
  EXPECT_EQ(VouchedFamilies({}, silent), kNeither);
  EXPECT_EQ(VouchedFamilies(std::vector{Canary("192.0.2.9", PortState::kOpen)}, silent), kIpv4);
  EXPECT_EQ(VouchedFamilies(std::vector{Canary("192.0.2.9", PortState::kClosed)}, silent),
            kNeither);
}

}  // namespace
}  // namespace postern::drift

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

using Proof = ViewpointSight::Proof;

std::array<Proof, 2> Proofs(const std::array<ViewpointSight, 2>& sight) {
  return {sight[0].proof, sight[1].proof};
}

CanaryReading Forbidden(std::string_view address) {
  auto canary = Canary(address, PortState::kUnknown);
  canary.allowed = false;
  return canary;
}

TEST(SightOfTest, CanariesThatWereAllowedToBeAskedDecide) {
  const auto right = Canary("192.0.2.1", PortState::kOpen);
  const auto wrong = Canary("192.0.2.2", PortState::kFiltered);
  const auto proof = [](const std::vector<CanaryReading>& canaries) {
    return SightOf(canaries, {}, {})[0].proof;
  };
  EXPECT_EQ(proof({right}), Proof::kSees);
  EXPECT_EQ(proof({right, wrong}), Proof::kSees);
  EXPECT_EQ(proof({wrong}), Proof::kBlind);
  EXPECT_EQ(proof({right, Forbidden("192.0.2.3"), Forbidden("192.0.2.4")}), Proof::kSees);
  EXPECT_EQ(proof({wrong, Forbidden("192.0.2.3")}), Proof::kBlind);
  EXPECT_EQ(proof({Forbidden("192.0.2.3")}), Proof::kNone) << "a quiet hour blinds nobody";
}

TEST(SightOfTest, WithoutCanariesARunSeesThatLostFewerThanHalfOfTheOpenPorts) {
  const auto before = std::vector{States("192.0.2.1", {{{1, 20}, PortState::kOpen}})};
  const auto proof = [&](const Sight& seen) {
    return SightOf({}, before, Saw({States("192.0.2.1", seen)}))[0].proof;
  };
  EXPECT_EQ(proof({{{1, 20}, PortState::kOpen}}), Proof::kSees);
  EXPECT_EQ(proof({{{1, 10}, PortState::kFiltered}, {{11, 20}, PortState::kOpen}}), Proof::kBlind);
  EXPECT_EQ(proof({{{1, 9}, PortState::kFiltered}}), Proof::kNone)
      << "a slice that lost all of the few that it asked says nothing";
  EXPECT_EQ(proof({{{100, 200}, PortState::kClosed}}), Proof::kNone);
}

TEST(SightOfTest, OfTwoReadingsTheWorseHolds) {
  const auto sees = SightOf(std::vector{Canary("192.0.2.1", PortState::kOpen)}, {}, {});
  const auto blind = SightOf(std::vector{Canary("192.0.2.1", PortState::kFiltered)}, {}, {});
  EXPECT_EQ(Proofs(Worse(sees, blind)), (std::array{Proof::kBlind, Proof::kNone}));
  EXPECT_EQ(Proofs(Worse(sees, {})), (std::array{Proof::kSees, Proof::kNone}));
}

TEST(BlindnessDriftTest, OneForEachBlindFamilyWithWhatShowsIt) {
  const std::vector canaries = {Canary("192.0.2.1", PortState::kOpen),
                                Canary("2001:db8::1", PortState::kFiltered),
                                Canary("2001:db8::2", PortState::kUnknown)};
  const auto drifts = BlindnessDrift(SightOf(canaries, {}, {}));
  ASSERT_EQ(drifts.size(), 1U);
  EXPECT_EQ(drifts[0].subject, "ipv6");
  EXPECT_EQ(drifts[0].severity, Severity::kCritical);
  EXPECT_EQ(
      Summary(drifts[0]),
      "this viewpoint is blind over ipv6: 2 of 2 canaries are wrong: 2001:db8::1 tcp/443 must "
      "be open and is filtered; 2001:db8::2 tcp/443 must be open and is unknown; all other "
      "findings of this family are frozen");
  EXPECT_EQ(EndOfBlindness(drifts[0], {false, true}), std::nullopt);
  EXPECT_EQ(EndOfBlindness(drifts[0], {true, false}), Resolution::kWithdrawn);
}

}  // namespace
}  // namespace postern::drift

#include "drift/history_drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift/drift_fixture.h"

namespace postern::drift {
namespace {

using policy::ExpectedState;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kOpen = PortState::kOpen;
constexpr auto kClosed = PortState::kClosed;
constexpr auto kFiltered = PortState::kFiltered;

std::vector<std::string> Changes(const policy::Policy& policy, const Sight& before,
                                 const Sight& after) {
  const auto seen = States("192.0.2.1", after);
  const std::vector<JudgedAddress> addresses = {
      Judge(policy.hosts.front(), "192.0.2.1", States("192.0.2.1", before), &seen)};
  std::vector<std::string> texts;
  for (const auto& drift : HistoryDrift(policy, "public", addresses)) {
    texts.push_back(Summary(drift));
  }
  return texts;
}

TEST(HistoryDriftTest, OnlyAllowedPortsThatOpenOrCloseAreEvents) {
  const auto policy =
      OneHost({Rule("tcp/80", ExpectedState::kAllowed), Rule("tcp/443", ExpectedState::kOpen),
               Rule("tcp/9090", ExpectedState::kAny)},
              ExpectedState::kNotOpen);
  EXPECT_THAT(Changes(policy, {{Port(80), kClosed}}, {{Port(80), kOpen}}),
              ElementsAre("tcp/80 on web-1 (192.0.2.1) changed from closed to open (syn-ack)"));
  EXPECT_THAT(
      Changes(policy, {{Port(80), kOpen}}, {{Port(80), kFiltered}}),
      ElementsAre("tcp/80 on web-1 (192.0.2.1) changed from open to filtered (no-response)"));
  EXPECT_THAT(Changes(policy, {{Port(80), kClosed}}, {{Port(80), kFiltered}}), IsEmpty());
  EXPECT_THAT(Changes(policy, {}, {{Port(80), kOpen}}), IsEmpty()) << "nothing to differ from";
  EXPECT_THAT(Changes(policy, {{Port(80), kOpen}}, {{Port(80), PortState::kUnknown}}), IsEmpty());
  EXPECT_THAT(Changes(policy, {{Port(443), kOpen}}, {{Port(443), kClosed}}), IsEmpty())
      << "the policy says which state is right: that is `missing`";
  EXPECT_THAT(Changes(policy, {{Port(9090), kClosed}}, {{Port(9090), kOpen}}), IsEmpty());
}

TEST(HistoryDriftTest, AChangedCommonStateIsOneEvent) {
  const auto policy = OneHost({Rule("tcp/1-1000", ExpectedState::kAllowed)}, ExpectedState::kAny);
  EXPECT_THAT(Changes(policy, {{{1, 1000}, kFiltered}}, {{{1, 1000}, kClosed}}),
              ElementsAre("most ports on web-1 (192.0.2.1) changed from filtered to closed (rst)"));
  EXPECT_THAT(
      Changes(policy, {{{1, 1000}, kFiltered}}, {{{1, 1000}, kOpen}}),
      ElementsAre("most ports on web-1 (192.0.2.1) changed from filtered to open (syn-ack)"))
      << "its ports are not reported one by one";
  EXPECT_THAT(Changes(policy, {{{1, 10}, kFiltered}}, {{{1, 10}, kClosed}}), IsEmpty())
      << "a handful of ports has no common state";
}

}  // namespace
}  // namespace postern::drift

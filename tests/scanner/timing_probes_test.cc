#include "scanner/timing_probes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "scanner/packet_bytes.h"

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Time = TimingProbes::Time;
using Cohorts = std::vector<std::uint64_t>;

const Time kStart{1000s};

Endpoint Port(std::uint16_t port) { return {Address("192.0.2.1"), Protocol::kTcp, port}; }

Cohorts Lost(TimingProbes& timing, Time now) {
  Cohorts cohorts;
  timing.Expire(now, [&](std::uint64_t cohort) { cohorts.push_back(cohort); });
  return cohorts;
}

TEST(TimingProbes, AskClosedPortsInTurnAndOpenOnesOnlyForWantOfThem) {
  TimingProbes timing;
  EXPECT_FALSE(timing.NextResponder());
  timing.AddResponder(Port(80), /*open=*/true);
  EXPECT_EQ(timing.NextResponder(), Port(80));
  timing.AddResponder(Port(1), /*open=*/false);
  timing.AddResponder(Port(2), /*open=*/false);
  std::vector<Endpoint> asked(4);
  for (auto& endpoint : asked) endpoint = *timing.NextResponder();
  std::sort(asked.begin(), asked.end());
  EXPECT_EQ(asked, (std::vector{Port(1), Port(1), Port(2), Port(2)}));
}

TEST(TimingProbes, MatchAnswersToTheProbeOfThatPort) {
  TimingProbes timing;
  timing.Sent(Port(1), 61016, 7, kStart);
  timing.Sent(Port(1), 61017, 8, kStart + 1ms);
  EXPECT_TRUE(timing.IsOutstanding(Port(1), 61016));
  EXPECT_FALSE(timing.IsOutstanding(Port(2), 61016));
  EXPECT_FALSE(timing.Answered(Port(2), 61016, kStart + 20ms));
  EXPECT_FALSE(timing.Answered(Port(1), 61018, kStart + 20ms));
  const auto answer = timing.Answered(Port(1), 61017, kStart + 21ms);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->cohort, 8U);
  EXPECT_EQ(answer->rtt, 20ms);
  EXPECT_FALSE(timing.Answered(Port(1), 61017, kStart + 22ms)) << "a second answer to the same";
  EXPECT_TRUE(timing.IsOutstanding(Port(1), 61016));
}

TEST(TimingProbes, AreLostAfterASecondThenAfterMultiplesOfTheRoundTrip) {
  TimingProbes timing;
  timing.Sent(Port(1), 61016, 1, kStart);
  EXPECT_EQ(Lost(timing, kStart + 999ms), Cohorts());
  EXPECT_EQ(Lost(timing, kStart + 1s), Cohorts{1});
  EXPECT_FALSE(timing.Answered(Port(1), 61016, kStart + 1s)) << "too late";
  Time now = kStart + 1s;
  for (int i = 0; i < 50; ++i, now += 40ms) {
    timing.Sent(Port(1), 61016, 2, now);
    ASSERT_TRUE(timing.Answered(Port(1), 61016, now + 40ms));
  }
  timing.Sent(Port(1), 61016, 3, now);
  timing.Sent(Port(2), 61016, 4, now + 1ms);
  EXPECT_EQ(Lost(timing, now + 79ms), Cohorts());
  EXPECT_EQ(Lost(timing, now + 200ms), (Cohorts{3, 4}));
}

// A pause of this machine is no loss, however near the target.
TEST(TimingProbes, WaitForAtLeastFiftyMilliseconds) {
  TimingProbes timing;
  timing.Sent(Port(1), 61016, 1, kStart);
  ASSERT_TRUE(timing.Answered(Port(1), 61016, kStart + 100us));
  timing.Sent(Port(1), 61016, 1, kStart);
  EXPECT_EQ(Lost(timing, kStart + 49ms), Cohorts());
  EXPECT_EQ(Lost(timing, kStart + 50ms), Cohorts{1});
}

TEST(TimingProbes, NoticeThatTheRoundTripHasBecomeLongerThanTheTimeout) {
  TimingProbes timing;
  timing.Sent(Port(1), 61016, 1, kStart);
  ASSERT_TRUE(timing.Answered(Port(1), 61016, kStart + 1ms));
  // From now on every answer takes 300 ms.
  std::size_t lost = 0;
  int answered = 0;
  for (int i = 0; i < 200; ++i) {
    const auto now = kStart + 10s + i * 10ms;
    timing.Sent(Port(1), static_cast<std::uint16_t>(i), 1, now);
    lost += Lost(timing, now).size();
    if (i < 30) continue;
    if (timing.Answered(Port(1), static_cast<std::uint16_t>(i - 30), now)) ++answered;
  }
  EXPECT_GE(answered, 120);
  EXPECT_LE(lost, 60U);
}

}  // namespace
}  // namespace postern::scanner

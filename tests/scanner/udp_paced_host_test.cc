#include "scanner/udp_paced_host.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace postern::scanner {
namespace {

using std::chrono::milliseconds;
using Time = UdpPacedHost::Time;

constexpr std::uint64_t kWitness = 1000;
constexpr milliseconds kRoundTrip{1};

// A host with a token bucket for its port-unreachables, as Linux has.
struct Host {
  double burst = 6;
  double per_second = 1;
  std::set<std::uint64_t> silent{};                     // open ones that say nothing, or filtered
  milliseconds stops_after = std::chrono::hours(1000);  // to send any
  milliseconds between_packets = milliseconds(0);       // a rate cap of ours

  double tokens = 0;
  Time refilled{};

  bool Answers(std::uint64_t endpoint, Time now) {
    const std::chrono::duration<double> since = now - refilled;
    tokens = std::min(burst, tokens + since.count() * per_second);
    refilled = now;
    if (silent.contains(endpoint) || tokens < 1 || now - Time{} >= stops_after) return false;
    tokens -= 1;
    return true;
  }
};

struct Outcome {
  std::set<std::uint64_t> closed;
  std::vector<std::uint64_t> given_up;
  std::map<std::uint64_t, int> asked;
  int packets = 0;
  milliseconds took{0};
};

// Paces `count` endpoints, 0 and up, to the end, in time that only the test moves.
Outcome Pace(Host host, std::uint64_t count, int tries = 3) {
  Outcome outcome;
  std::vector<std::uint64_t> endpoints;
  for (std::uint64_t i = 0; i < count; ++i) endpoints.push_back(i);
  UdpPacedHost paced(endpoints, kWitness, tries,
                     [&](std::uint64_t i) { return !outcome.closed.contains(i); });
  Time now{};
  while (!paced.done()) {
    const auto index = paced.Next(now);
    if (!index) {
      if (!paced.done()) now = std::max(now, paced.NextTime());
      continue;
    }
    ++outcome.asked[*index];
    ++outcome.packets;
    paced.Sent(*index, now, kRoundTrip);
    if (host.Answers(*index, now)) {
      if (*index != kWitness) outcome.closed.insert(*index);
      paced.Unreachable(*index);
    }
    now += host.between_packets;
  }
  outcome.given_up = paced.TakeGivenUp();
  outcome.took = std::chrono::duration_cast<milliseconds>(now - Time{});
  return outcome;
}

TEST(UdpPacedHost, GetsAnAnswerASecondFromAHostThatGivesNoMore) {
  const auto outcome = Pace({.burst = 6, .per_second = 1}, 14);
  EXPECT_EQ(outcome.closed.size(), 14U);
  EXPECT_TRUE(outcome.given_up.empty());
  // The bucket is empty at first: no way is faster than 14 s.
  EXPECT_GE(outcome.took, milliseconds(14000));
  EXPECT_LE(outcome.took, milliseconds(14500));
  EXPECT_LE(outcome.packets, 90);
}

TEST(UdpPacedHost, GoesAsFastAsTheHostAnswers) {
  const auto outcome = Pace({.burst = 200, .per_second = 200, .tokens = 200}, 1000);
  EXPECT_EQ(outcome.closed.size(), 1000U);
  EXPECT_LE(outcome.took, milliseconds(14000));
}

TEST(UdpPacedHost, FindsEveryClosedEndpointAmongManySilentOnes) {
  Host host;
  for (std::uint64_t i = 0; i < 500; ++i) {
    if (i % 50 != 7) host.silent.insert(i);
  }
  const auto outcome = Pace(host, 500);
  EXPECT_EQ(outcome.closed,
            (std::set<std::uint64_t>{7, 57, 107, 157, 207, 257, 307, 357, 407, 457}));
  EXPECT_TRUE(outcome.given_up.empty());
  EXPECT_LE(outcome.took, milliseconds(60000));
}

TEST(UdpPacedHost, TriesASilentEndpointAsOftenAsItWasTold) {
  Host host{.silent = {0}};
  const auto outcome = Pace(host, 1, /*tries=*/5);
  // The first time the host could not answer even the witness.
  EXPECT_EQ(outcome.asked, (std::map<std::uint64_t, int>{{0, 6}, {kWitness, 6}}));
}

TEST(UdpPacedHost, BelievesSilenceUnderALowRateCapToo) {
  const auto outcome =
      Pace({.silent = {0, 1, 2}, .between_packets = milliseconds(200), .tokens = 6}, 3);
  EXPECT_TRUE(outcome.closed.empty());
  EXPECT_TRUE(outcome.given_up.empty());
}

TEST(UdpPacedHost, GivesUpWhenTheHostStopsToAnswer) {
  const auto outcome = Pace({.stops_after = milliseconds(3500)}, 20);
  EXPECT_EQ(outcome.closed.size(), 3U);
  EXPECT_EQ(outcome.given_up.size(), 17U);
  // Ten batches without any answer after the last one.
  EXPECT_GE(outcome.took, milliseconds(13000));
  EXPECT_LE(outcome.took, milliseconds(15000));
}

// Whatever the limit, an endpoint that is closed is never taken for a silent one.
TEST(UdpPacedHost, TakesNoClosedEndpointForASilentOne) {
  for (const double per_second : {0.3, 0.5, 0.77, 0.979, 0.98, 0.981, 1.0, 1.3, 1.96, 4.0, 10.0}) {
    for (const std::uint64_t count : {1U, 2U, 3U, 10U, 60U}) {
      Host host{.burst = 3, .per_second = per_second};
      host.silent = {1, 5};
      host.between_packets = milliseconds(1);
      const auto outcome = Pace(host, count);
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto& unknown = outcome.given_up;
        const bool right = outcome.closed.contains(i) || host.silent.contains(i) ||
                           std::find(unknown.begin(), unknown.end(), i) != unknown.end();
        EXPECT_TRUE(right) << i << " of " << count << " at " << per_second << " a second";
      }
    }
  }
}

}  // namespace
}  // namespace postern::scanner

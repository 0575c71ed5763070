// The send rate on simulated paths: a bottleneck with a queue, and loss at any rate.
#include "scanner/send_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "scanner/packet_bytes.h"
#include "scanner/timing_probes.h"

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Time = SendRate::Time;
using Seconds = std::chrono::duration<double>;
using std::chrono::duration_cast;
using std::chrono::nanoseconds;

constexpr int kBatch = 32;

struct PathTraits {
  double bottleneck = 20000;       // packets a second
  nanoseconds queue = 20ms;        // what it holds when it is full
  double loss = 0;                 // of every packet, at any rate
  nanoseconds round_trip = 20ms;   // without the queue
  std::optional<double> cap = {};  // on this machine, packets a second
};

// A scan as SynScan makes it, without its packets.
class Simulation {
 public:
  Simulation(const PathTraits& traits, unsigned seed) : traits(traits), random_(seed) {
    for (std::uint16_t port = 1; port <= 64; ++port) timing_.AddResponder(Responder(port), false);
  }

  struct Counts {
    double sent = 0;  // all packets, timing probes included
    double delivered = 0;
    double overflowed = 0;
    double timing = 0;
  };
  // What happens in that long, from where the last call ended.
  Counts Run(nanoseconds length) {
    const Counts before = counts_;
    for (const auto end = now_ + length; now_ < end; now_ = std::min(end, Step())) {
    }
    return {counts_.sent - before.sent, counts_.delivered - before.delivered,
            counts_.overflowed - before.overflowed, counts_.timing - before.timing};
  }
  const SendRate& rate() const { return rate_; }

  PathTraits traits;

 private:
  struct Arrival {
    Time time;
    std::uint16_t port;
    std::uint16_t probe_port;
    bool operator<(const Arrival& other) const { return time > other.time; }
  };

  static Endpoint Responder(std::uint16_t port) {
    return {Address("192.0.2.1"), Protocol::kTcp, port};
  }

  Time Step() {
    Receive();
    if (capped_until_ <= now_) Send();
    const auto next = std::max(rate_.NextAt(kBatch, now_), capped_until_);
    return std::clamp(next, now_ + 20us, now_ + 1ms);
  }

  void Receive() {
    for (; !arrivals_.empty() && arrivals_.top().time <= now_; arrivals_.pop()) {
      const auto& arrival = arrivals_.top();
      const auto answer =
          timing_.Answered(Responder(arrival.port), arrival.probe_port, arrival.time);
      if (answer) rate_.TimingAnswered(answer->cohort, answer->rtt, now_);
    }
    timing_.Expire(now_, [this](std::uint64_t cohort) { rate_.TimingLost(cohort, now_); });
  }

  void Send() {
    const int allowed = rate_.Take(kBatch, now_);
    int used = 0;
    for (; used < allowed && capped_until_ <= now_; ++used) {
      SendOne();
      if (--until_timing_ <= 0 && rate_.WantsTiming(now_)) SendTiming();
    }
    rate_.GiveBack(allowed - used);
  }

  void SendTiming() {
    const auto target = *timing_.NextResponder();
    const auto port = static_cast<std::uint16_t>(number_++ % 16);
    if (timing_.IsOutstanding(target, port)) return;
    until_timing_ = rate_.TimingInterval();
    ++counts_.timing;
    timing_.Sent(target, port, rate_.TimingSent(), now_);
    if (const auto arrival = SendOne()) arrivals_.push({*arrival, target.port, port});
  }

  // When its answer arrives; none if it is lost.
  std::optional<Time> SendOne() {
    ++counts_.sent;
    if (traits.cap) capped_until_ = std::max(capped_until_, now_) + Interval(*traits.cap);
    free_at_ = std::max(free_at_, now_);
    if (free_at_ - now_ > traits.queue) {
      ++counts_.overflowed;
      return std::nullopt;
    }
    free_at_ += Interval(traits.bottleneck);
    if (std::bernoulli_distribution(traits.loss)(random_)) return std::nullopt;
    ++counts_.delivered;
    return free_at_ + traits.round_trip;
  }

  static nanoseconds Interval(double rate) { return duration_cast<nanoseconds>(Seconds(1 / rate)); }

  std::minstd_rand random_;
  SendRate rate_;
  TimingProbes timing_;
  Time now_{1000s};
  Time free_at_;
  Time capped_until_;
  std::priority_queue<Arrival> arrivals_;
  int until_timing_ = 0;
  std::uint64_t number_ = 0;
  Counts counts_;
};

struct Case {
  double bottleneck;
  nanoseconds queue;
  nanoseconds round_trip;
};

class OfBottleneck : public testing::TestWithParam<Case> {};

TEST_P(OfBottleneck, IsUsedAndNotOverrunWithAndWithoutLossOfOtherKinds) {
  for (const double loss : {0.0, 0.04}) {
    Simulation simulation({GetParam().bottleneck, GetParam().queue, loss, GetParam().round_trip},
                          /*seed=*/1);
    simulation.Run(5s);
    const auto counts = simulation.Run(20s);
    EXPECT_GE(counts.delivered, 0.75 * (1 - loss) * GetParam().bottleneck * 20) << loss;
    EXPECT_LE(counts.overflowed, 0.25 * counts.sent) << loss;
  }
}

INSTANTIATE_TEST_SUITE_P(SendRate, OfBottleneck,
                         testing::Values(Case{1000, 20ms, 200us}, Case{1000, 100ms, 150ms},
                                         Case{5000, 5ms, 20ms}, Case{5000, 100ms, 200us},
                                         Case{20000, 1ms, 20ms}, Case{20000, 20ms, 20ms},
                                         Case{20000, 100ms, 200us}, Case{20000, 100ms, 150ms},
                                         Case{100000, 5ms, 20ms}, Case{100000, 20ms, 150ms}),
                         [](const auto& info) {
                           const auto& path = info.param;
                           return std::to_string(static_cast<int>(path.bottleneck)) + "Queue" +
                                  std::to_string(path.queue / 1ms) + "RoundTrip" +
                                  std::to_string(path.round_trip / 1us);
                         });

TEST(SendRate, IsHardlySlowedByLossThatDoesNotDependOnIt) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    Simulation simulation({200000, 10ms, 0.04, 20ms}, seed);
    simulation.Run(2s);
    EXPECT_GE(simulation.Run(3s).sent, 0.6 * 200000 * 3) << "seed " << seed;
    EXPECT_LE(simulation.rate().UsualLoss(), 0.2) << "seed " << seed;
  }
}

TEST(SendRate, FallsWithTheBottleneckAndComesBack) {
  Simulation simulation({50000, 10ms, 0, 20ms}, /*seed=*/1);
  simulation.Run(5s);
  EXPECT_GE(simulation.rate().rate(), 25000);
  simulation.traits.bottleneck = 5000;
  simulation.Run(5s);
  const auto narrow = simulation.Run(5s);
  EXPECT_GE(narrow.delivered, 0.7 * 5000 * 5);
  EXPECT_LE(narrow.overflowed, 0.25 * narrow.sent);
  simulation.traits.bottleneck = 50000;
  simulation.Run(5s);
  EXPECT_GE(simulation.Run(5s).delivered, 0.7 * 50000 * 5);
}

TEST(SendRate, RecoversFromAnOutage) {
  Simulation simulation({50000, 10ms, 0, 20ms}, /*seed=*/1);
  simulation.Run(5s);
  simulation.traits.loss = 1;
  simulation.Run(3s);
  simulation.traits.loss = 0;
  simulation.Run(10s);
  EXPECT_GE(simulation.Run(5s).delivered, 0.7 * 50000 * 5);
}

TEST(SendRate, DoesNotGrowAndSendsFewTimingProbesWhereACapHoldsItBack) {
  for (const double cap : {20.0, 100.0, 1000.0}) {
    Simulation simulation({100000, 10ms, 0, 20ms, cap}, /*seed=*/1);
    const auto counts = simulation.Run(20s);
    EXPECT_LE(counts.sent, cap * 20 + 1);
    // A first cohort of 16, then about one for every 32 packets.
    EXPECT_LE(counts.timing, 16 + counts.sent / 24) << cap;
    EXPECT_LE(simulation.rate().rate(), 20000) << cap;
  }
}

TEST(SendRate, CatchesUpWithNoMoreThanAHundredthOfASecond) {
  SendRate rate;
  const Time start{1000s};
  rate.Take(kBatch, start);
  EXPECT_EQ(rate.Take(1 << 20, start + 1h), 50);  // of 5,000 a second
  EXPECT_EQ(rate.Take(1 << 20, start + 1h), 0);
  EXPECT_EQ(rate.Take(1 << 20, start + 1h + 2ms), 10);
  rate.GiveBack(4);
  EXPECT_EQ(rate.Take(3, start + 1h + 2ms), 3);
  EXPECT_EQ(rate.Take(3, start + 1h + 2ms), 1);
  EXPECT_EQ(rate.NextAt(kBatch, start + 1h + 2ms), start + 1h + 3ms);
}

TEST(SendRate, CountsTimingProbesAsPackets) {
  SendRate rate;
  const Time start{1000s};
  rate.Take(kBatch, start);
  for (int i = 0; i < 10; ++i) rate.TimingSent();
  EXPECT_EQ(rate.Take(kBatch, start + 4ms), 10);
}

TEST(SendRate, IsNotJudgedByProbesOfAnEarlierCohort) {
  SendRate rate;
  Time now{1000s};
  rate.Take(kBatch, now);
  std::uint64_t cohort = 0;
  while (rate.WantsTiming(now)) cohort = rate.TimingSent();
  for (int i = 0; i < 16; ++i) {
    now += 10ms;
    rate.Take(kBatch, now);
    rate.TimingAnswered(cohort, 20ms, now);
  }
  const auto doubled = rate.rate();
  EXPECT_EQ(doubled, 10000);
  // As many again, of the same cohort: all lost, or all answered.
  EXPECT_EQ(rate.TimingSent(), cohort + 1);
  while (rate.WantsTiming(now)) rate.TimingSent();
  for (int i = 0; i < 100; ++i) {
    rate.TimingLost(cohort, now);
    rate.TimingAnswered(cohort, 20ms, now);
  }
  EXPECT_EQ(rate.rate(), doubled);
  EXPECT_EQ(rate.UsualLoss(), 0);
}

}  // namespace
}  // namespace postern::scanner

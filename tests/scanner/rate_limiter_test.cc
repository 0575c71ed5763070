#include "scanner/rate_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/prefix.h"

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Time = RateLimiter::Time;
using Nanoseconds = std::chrono::nanoseconds;

const Time kStart{1000s};

IpAddress Address(const char* text) { return *IpAddress::Parse(text); }

struct Packet {
  Time time;
  IpAddress address;
};

// The most packets in any second that begins with one of them.
std::size_t MostInASecond(const std::vector<Packet>& packets,
                          const std::function<bool(const IpAddress&)>& counts) {
  std::vector<Time> times;
  for (const auto& packet : packets) {
    if (counts(packet.address)) times.push_back(packet.time);
  }
  std::size_t most = 0;
  std::size_t begin = 0;
  for (std::size_t end = 0; end < times.size(); ++end) {
    while (times[end] - times[begin] >= 1s) ++begin;
    most = std::max(most, end - begin + 1);
  }
  return most;
}

std::size_t MostInASecond(const std::vector<Packet>& packets) {
  return MostInASecond(packets, [](const IpAddress&) { return true; });
}

// Sends to `address` as fast as allowed for `length`, asking again exactly when told to.
std::vector<Packet> Flood(RateLimiter& limiter, const IpAddress& address, Time from,
                          Nanoseconds length) {
  std::vector<Packet> packets;
  for (Time now = from; now < from + length;) {
    const Time ready = limiter.Acquire(address, now).until;
    if (ready == now) packets.push_back({now, address});
    now = ready;
  }
  return packets;
}

class OneCap : public testing::TestWithParam<double> {};

TEST_P(OneCap, HoldsOverAnySecondAndIsUsed) {
  const double rate = GetParam();
  const auto seconds = std::max(10.0, 3 / rate);
  RateLimiter limiter({rate, 1e9, 1e9});
  const auto packets =
      Flood(limiter, Address("192.0.2.1"), kStart,
            std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double>(seconds)));
  EXPECT_LE(static_cast<double>(MostInASecond(packets)), std::max(1.0, rate));
  EXPECT_GE(static_cast<double>(packets.size()), std::floor(rate * seconds * 0.95));
}

INSTANTIATE_TEST_SUITE_P(RateLimiter, OneCap,
                         testing::Values(0.5, 1, 2, 7, 25, 26, 30, 99.5, 200, 1000, 50000));

TEST(RateLimiter, CapsEachHostAndEachNetwork) {
  RateLimiter limiter({1e9, 20, 50});
  std::vector<Packet> packets;
  for (int i = 0; i < 10000; ++i) {
    const Time now = kStart + i * 1ms;
    for (const char* text : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.3.1", "2001:db8::1",
                             "2001:db8::ffff:1", "2001:db8::2", "2001:db8:0:1::1"}) {
      if (limiter.Acquire(Address(text), now).until == now) packets.push_back({now, Address(text)});
    }
  }
  const auto most_to = [&](const char* prefix) {
    return MostInASecond(packets, [net = *Prefix::Parse(prefix)](const IpAddress& address) {
      return net.Contains(address);
    });
  };
  EXPECT_LE(most_to("192.0.2.1"), 20U);
  EXPECT_EQ(most_to("192.0.3.0/24"), 20U);
  EXPECT_EQ(most_to("2001:db8:0:1::/64"), 20U);
  EXPECT_GE(most_to("192.0.2.0/24"), 48U);
  EXPECT_LE(most_to("192.0.2.0/24"), 50U);
  EXPECT_GE(most_to("2001:db8::/64"), 48U);
  EXPECT_LE(most_to("2001:db8::/64"), 50U);
}

// Random senders in several networks, pauses, and callers that ask at the wrong time.
TEST(RateLimiter, HoldsEveryCapUnderRandomStreams) {
  constexpr RateCaps kCaps{700, 250, 300};
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    RateLimiter limiter(kCaps);
    std::vector<Packet> packets;
    Time now = kStart;
    for (int i = 0; i < 30000; ++i) {
      now += random() % 2000 == 0 ? Nanoseconds(3s) : Nanoseconds(random() % 1000000);
      const auto address = Address("192.0.2.1").Plus(256 * (random() % 2) + random() % 3);
      if (limiter.Acquire(address, now).until == now) packets.push_back({now, address});
    }
    EXPECT_LE(MostInASecond(packets), kCaps.rate);
    std::set<IpAddress> hosts;
    for (const auto& packet : packets) hosts.insert(packet.address);
    EXPECT_EQ(hosts.size(), 6U);
    for (const auto& host : hosts) {
      EXPECT_LE(MostInASecond(packets, [&](const IpAddress& a) { return a == host; }),
                kCaps.host_rate);
      EXPECT_LE(MostInASecond(packets,
                              [&](const IpAddress& a) { return a.Masked(24) == host.Masked(24); }),
                kCaps.network_rate);
    }
  }
}

TEST(RateLimiter, SaysWhenToAskAgain) {
  RateLimiter limiter({1e9, 2, 1e9});
  const auto address = Address("192.0.2.1");
  EXPECT_EQ(limiter.Acquire(address, kStart).until, kStart);
  EXPECT_EQ(limiter.Acquire(address, kStart).until, kStart + 500ms);
  EXPECT_EQ(limiter.Acquire(address, kStart + 100ms).until, kStart + 500ms);
  EXPECT_EQ(limiter.Acquire(Address("192.0.2.2"), kStart).until, kStart);
  EXPECT_EQ(limiter.Earliest(kStart + 1ms).until, kStart + 1ms);
  EXPECT_EQ(limiter.Acquire(address, kStart + 500ms).until, kStart + 500ms);
}

TEST(RateLimiter, TellsOfTheOverallCapAlone) {
  RateLimiter limiter({1, 1e9, 1e9});
  EXPECT_EQ(limiter.Earliest(kStart).until, kStart);
  EXPECT_EQ(limiter.Acquire(Address("192.0.2.1"), kStart).until, kStart);
  EXPECT_EQ(limiter.Earliest(kStart).until, kStart + 1s);
}

TEST(RateLimiter, ChargesDelayWhatIsSentLater) {
  RateLimiter limiter({100, 1e9, 1e9});
  const auto address = Address("192.0.2.1");
  std::vector<Packet> packets;
  for (int i = 0; i < 50; ++i) {
    limiter.Charge(address, kStart);
    packets.push_back({kStart, address});
  }
  const auto later = Flood(limiter, address, kStart, 5s);
  packets.insert(packets.end(), later.begin(), later.end());
  EXPECT_LE(MostInASecond(packets), 100U);
  EXPECT_GE(packets.size(), 475U);
}

TEST(RateLimiter, ForgivesDebtsAfterASecond) {
  RateLimiter limiter({100, 1e9, 1e9});
  const auto address = Address("192.0.2.1");
  for (int i = 0; i < 100000; ++i) limiter.Charge(address, kStart);
  EXPECT_LE(limiter.Earliest(kStart).until, kStart + 1100ms);
}

TEST(RateLimiter, DoesNotCatchUpAfterAPause) {
  RateLimiter limiter({1000, 1e9, 1e9});
  Flood(limiter, Address("192.0.2.1"), kStart, 1s);
  const auto packets = Flood(limiter, Address("192.0.2.1"), kStart + 1h, 1ms);
  EXPECT_LE(packets.size(), 41U);
}

TEST(RateLimiter, TakesNewCapsAtOnce) {
  RateLimiter limiter({0.01, 1e9, 1e9});
  const auto address = Address("192.0.2.1");
  EXPECT_EQ(limiter.Acquire(address, kStart).until, kStart);
  EXPECT_EQ(limiter.Earliest(kStart).until, kStart + 100s);
  limiter.SetCaps({1000, 1e9, 1e9});
  EXPECT_LE(limiter.Earliest(kStart).until, kStart + 1010ms);
  EXPECT_LE(MostInASecond(Flood(limiter, address, kStart + 2s, 5s)), 1000U);
}

TEST(RateLimiter, SurvivesAClockThatCallersReadOutOfOrder) {
  RateLimiter limiter({100, 1e9, 1e9});
  const auto address = Address("192.0.2.1");
  std::vector<Packet> packets;
  for (int i = 0; i < 10000; ++i) {
    const Time now = kStart + i * 1ms - (i % 2) * 5ms;
    if (limiter.Acquire(address, now).until == now) packets.push_back({now, address});
  }
  std::sort(packets.begin(), packets.end(),
            [](const Packet& a, const Packet& b) { return a.time < b.time; });
  EXPECT_LE(MostInASecond(packets), 100U);
}

TEST(RateLimiter, SaysWhichCapHoldsAPacketBack) {
  const auto bound_of = [](const RateCaps& caps) {
    RateLimiter limiter(caps);
    EXPECT_EQ(limiter.Acquire(Address("192.0.2.1"), kStart).until, kStart);
    return limiter.Acquire(Address("192.0.2.1"), kStart).bound;
  };
  EXPECT_EQ(bound_of({1, 1000, 1000}), ScanBound::kRate);
  EXPECT_EQ(bound_of({1000, 1, 1000}), ScanBound::kHostRate);
  EXPECT_EQ(bound_of({1000, 1000, 1}), ScanBound::kNetworkRate);
}

}  // namespace
}  // namespace postern::scanner

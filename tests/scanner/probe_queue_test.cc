#include "scanner/probe_queue.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Time = ProbeQueue::Time;

const Time kStart{1000s};

ScanPlan TwoHosts(const char* ports) {
  ScanPlan plan;
  plan.Add({*Prefix::Parse("192.0.2.0/31")},
           *PortSet::Parse(ports, PortSet::BarePorts::kAreAnError));
  return plan;
}

bool Always(std::uint64_t) { return true; }

// Pops until the queue has nothing more for now.
std::vector<std::uint64_t> Drain(ProbeQueue& queue, Time now) {
  std::vector<std::uint64_t> indices;
  while (true) {
    const auto next = queue.Pop(now);
    if (next.candidate) indices.push_back(next.candidate->index);
    if (!next.candidate && next.ask_again != now) return indices;
  }
}

TEST(ProbeQueue, GivesEachEndpointOnceARound) {
  const auto plan = TwoHosts("tcp/1-5000");
  ProbeQueue queue(plan, 1, Always);
  for (int round = 0; round < 2; ++round) {
    const auto indices = Drain(queue, kStart);
    EXPECT_EQ(indices.size(), 10000U);
    EXPECT_EQ(std::set(indices.begin(), indices.end()).size(), 10000U);
    EXPECT_EQ(queue.Pop(kStart).ask_again, Time::max());
    queue.StartRound();
  }
}

TEST(ProbeQueue, LeavesOutWhatIsNoLongerWanted) {
  const auto plan = TwoHosts("tcp/1-5000");
  ProbeQueue queue(plan, 1, [](std::uint64_t index) { return index == 77; });
  EXPECT_EQ(Drain(queue, kStart), std::vector<std::uint64_t>{77});
}

TEST(ProbeQueue, LetsOtherHostsGoFirstWhileOneMustWait) {
  const auto plan = TwoHosts("tcp/1-100");
  const auto slow = *IpAddress::Parse("192.0.2.0");
  ProbeQueue queue(plan, 1, Always);
  std::map<IpAddress, std::size_t> popped;
  std::size_t postponed = 0;
  while (true) {
    const auto next = queue.Pop(kStart);
    if (!next.candidate) {
      EXPECT_EQ(next.ask_again, kStart + 1s);
      break;
    }
    if (next.candidate->endpoint.address == slow) {
      queue.Postpone(*next.candidate, {kStart + 1s});
      ++postponed;
    } else {
      ++popped[next.candidate->endpoint.address];
    }
  }
  EXPECT_EQ(postponed, 1U) << "the host is asked for once, not for each of its ports";
  EXPECT_EQ(popped[*IpAddress::Parse("192.0.2.1")], 100U);
  EXPECT_EQ(Drain(queue, kStart + 1s).size(), 100U);
  EXPECT_EQ(queue.Pop(kStart + 1s).ask_again, Time::max());
}

TEST(ProbeQueue, BoundsWhatWaits) {
  ScanPlan plan;
  plan.Add({*Prefix::Parse("192.0.2.1")}, PortSet::AllTcp());
  std::uint64_t looked_at = 0;
  ProbeQueue queue(plan, 1, [&](std::uint64_t) { return ++looked_at > 0; });
  queue.Postpone(*queue.Pop(kStart).candidate, {kStart + 1s});
  EXPECT_EQ(Drain(queue, kStart).size(), 0U);
  EXPECT_LT(looked_at, 20000U);
  EXPECT_EQ(Drain(queue, kStart + 1s).size(), 65535U);
}

TEST(ProbeQueue, GivesBackFirstWhatWasPutBack) {
  const auto plan = TwoHosts("tcp/1-100");
  ProbeQueue queue(plan, 1, Always);
  const auto candidate = *queue.Pop(kStart).candidate;
  queue.PutBack(candidate);
  EXPECT_EQ(queue.Pop(kStart).candidate->index, candidate.index);
  EXPECT_EQ(Drain(queue, kStart).size(), 199U);
}

}  // namespace
}  // namespace postern::scanner

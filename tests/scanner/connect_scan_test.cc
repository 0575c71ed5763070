#include "scanner/connect_scan.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "scanner/in_child.h"
#include "scanner/listener.h"
#include "scanner/scan_text.h"

namespace postern::scanner {
namespace {

constexpr RateCaps kFast{1e6, 1e6, 1e6};

ScanRequest Request(std::vector<Prefix> addresses, const std::string& ports) {
  ScanRequest request;
  request.plan.Add(std::move(addresses), *PortSet::Parse(ports, PortSet::BarePorts::kAreTcp));
  return request;
}

Prefix Net(const char* text) { return *Prefix::Parse(text); }

ScanResult Scan(const ScanRequest& request, std::stop_token stop = {}) {
  RateLimiter limiter(kFast);
  return ConnectScan(request, limiter, std::move(stop));
}

std::string OpenPorts(const ScanResult& result) {
  std::string text;
  for (const auto& observation : result.open) text += ToString(observation.endpoint) + "\n";
  return text;
}

std::map<PortState, std::size_t> Counts(const ScanResult& result) {
  std::map<PortState, std::size_t> counts;
  for (const auto& address : result.addresses) {
    for (const auto& [ports, verdict] : address.of(Protocol::kTcp).ranges()) {
      counts[verdict.state] += ports.size();
    }
  }
  return counts;
}

TEST(ConnectScan, TellsOpenFromClosedOnBothFamilies) {
  const Listener v4(AF_INET, 0);
  const Listener v6(AF_INET6, 0);
  auto request = Request({Net("127.0.0.1"), Net("::1")},
                         std::to_string(v4.port()) + "," + std::to_string(v6.port()));
  const auto result = Scan(request);
  EXPECT_EQ(OpenPorts(result), "127.0.0.1 tcp/" + std::to_string(v4.port()) + "\n::1 tcp/" +
                                   std::to_string(v6.port()) + "\n");
  EXPECT_EQ(Counts(result),
            (std::map<PortState, std::size_t>{{PortState::kOpen, 2}, {PortState::kClosed, 2}}));
  for (const auto& observation : result.open) EXPECT_TRUE(observation.rtt);
  EXPECT_EQ(result.coverage.asked, 4U);
  EXPECT_EQ(result.coverage.unknown, 0U);
  EXPECT_EQ(result.coverage.replies, 4U);
  EXPECT_GE(result.coverage.probes_sent, 4U);  // more by what met itself
  EXPECT_EQ(result.coverage.estimated_loss, 0);
  EXPECT_TRUE(result.coverage.complete);
}

TEST(ConnectScan, FindsEveryOpenPortAmongThousandsOfClosedOnes) {
  std::vector<Listener> listeners;
  std::set<std::string> expected;
  for (int i = 0; i < 50; ++i) {
    const auto& listener = listeners.emplace_back(AF_INET6);
    expected.insert("::1 tcp/" + std::to_string(listener.port()));
  }
  const auto request = Request({Net("::1")}, "30000-65535");
  const auto result = Scan(request);
  std::set<std::string> found;
  for (const auto& observation : result.open) found.insert(ToString(observation.endpoint));
  EXPECT_TRUE(std::includes(found.begin(), found.end(), expected.begin(), expected.end()));
  auto counts = Counts(result);
  EXPECT_EQ(counts[PortState::kOpen] + counts[PortState::kClosed], request.plan.size());
}

TEST(ConnectScan, AsksBeforeEveryProbeWhetherItMay) {
  auto request = Request({Net("127.0.0.1"), Net("127.0.0.2")}, "1-3");
  request.may_probe = [](const IpAddress& address) {
    return address != *IpAddress::Parse("127.0.0.2");
  };
  const auto result = Scan(request);
  EXPECT_EQ(Text(result),
            "127.0.0.1 tcp/1-3 closed rst\n"
            "127.0.0.2 tcp/1-3 unknown not-probed\n");
  EXPECT_EQ(result.coverage.probes_sent, 3U);
  EXPECT_EQ(result.coverage.unknown, 3U);
}

TEST(ConnectScan, LeavesUdpUnknown) {
  EXPECT_EQ(Text(Scan(Request({Net("127.0.0.1")}, "1,udp/53"))),
            "127.0.0.1 tcp/1 closed rst\n"
            "127.0.0.1 udp/53 unknown not-probed\n");
}

TEST(ConnectScan, DoesNotReachIpv4ByMappedAddresses) {
  const Listener listener(AF_INET);
  const auto port = std::to_string(listener.port());
  EXPECT_EQ(Text(Scan(Request({Net("::ffff:127.0.0.1")}, port))),
            "::ffff:127.0.0.1 tcp/" + port + " unknown local-error\nENETUNREACH 1\n");
}

TEST(ConnectScan, SendsNothingOnceStopped) {
  std::stop_source stop;
  stop.request_stop();
  const auto result = Scan(Request({Net("127.0.0.1")}, "1-3"), stop.get_token());
  EXPECT_EQ(Text(result), "127.0.0.1 tcp/1-3 unknown not-probed\nincomplete\n");
  EXPECT_EQ(result.coverage.probes_sent, 0U);
}

TEST(ConnectScan, KeepsWhatItFoundWhenStopped) {
  std::stop_source stop;
  auto request = Request({Net("127.0.0.1")}, "all");
  int asked = 0;
  request.may_probe = [&](const IpAddress&) {
    if (++asked == 5000) stop.request_stop();
    return true;
  };
  const auto result = Scan(request, stop.get_token());
  auto counts = Counts(result);
  EXPECT_FALSE(result.coverage.complete);
  EXPECT_GT(counts[PortState::kClosed], 1000U);
  EXPECT_EQ(counts[PortState::kFiltered], 0U);
  EXPECT_EQ(counts[PortState::kUnknown], result.coverage.unknown);
  EXPECT_GT(result.coverage.unknown, 50000U);
  EXPECT_EQ(result.addresses[0].of(Protocol::kTcp).size(), 65535U);
}

TEST(ConnectScan, CanBeStoppedWhileItWaitsForItsRate) {
  auto request = Request({Net("127.0.0.1")}, "1-100");
  RateLimiter limiter({0.001, 1e6, 1e6});
  std::stop_source stop;
  request.on_progress = [&](const ScanProgress& progress) {
    if (progress.done == 1) stop.request_stop();
  };
  const auto result = ConnectScan(request, limiter, stop.get_token());
  EXPECT_EQ(result.coverage.probes_sent, 1U);
  EXPECT_EQ(result.coverage.unknown, 99U);
}

TEST(ConnectScan, ReportsProgressUpToTheEnd) {
  auto request = Request({Net("127.0.0.1")}, "1-1000");
  ScanProgress last;
  request.on_progress = [&](const ScanProgress& progress) { last = progress; };
  const auto result = Scan(request);
  EXPECT_EQ(last.done, 1000U);
  EXPECT_EQ(last.total, 1000U);
  EXPECT_EQ(last.open, result.open.size());
  EXPECT_EQ(last.probes_sent, result.coverage.probes_sent);
}

TEST(ConnectScan, UsesTheSourceAddressOrSaysWhyNot) {
  auto request = Request({Net("127.0.0.1")}, "1");
  request.source = IpAddress::Parse("127.0.0.7");
  EXPECT_EQ(Text(Scan(request)), "127.0.0.1 tcp/1 closed rst\n");
  auto other_family = Request({Net("::1")}, "1");
  other_family.source = IpAddress::Parse("127.0.0.7");
  EXPECT_EQ(Scan(other_family).coverage.unknown, 1U);
  auto no_interface = Request({Net("127.0.0.1")}, "1");
  no_interface.interface = "nosuchif0";
  EXPECT_EQ(Text(Scan(no_interface)), "127.0.0.1 tcp/1 unknown local-error\nENODEV 1\n");
}

TEST(ConnectScan, SharesOneLimiterBetweenScansThatRunAtOnce) {
  RateLimiter limiter(kFast);
  std::vector<ScanResult> results(3);
  {
    std::vector<std::jthread> threads;
    threads.reserve(results.size());
    for (auto& result : results) {
      threads.emplace_back([&result, &limiter] {
        result = ConnectScan(Request({Net("127.0.0.1")}, "1-2000"), limiter, {});
      });
    }
  }
  for (const auto& result : results) EXPECT_EQ(Text(result), Text(results[0]));
  EXPECT_TRUE(results[0].coverage.complete);
  EXPECT_EQ(results[0].coverage.unknown, 0U);
}

void SetDescriptorLimit(rlim_t limit) {
  const rlimit both{limit, limit};
  ::setrlimit(RLIMIT_NOFILE, &both);
}

TEST(ConnectScan, LivesWithFewDescriptors) {
  EXPECT_EQ(InChild([] {
              SetDescriptorLimit(24);
              return Text(Scan(Request({Net("127.0.0.1")}, "1-1000")));
            }),
            "127.0.0.1 tcp/1-1000 closed rst\n");
}

// Opens descriptors until there are no more.
std::vector<int> TakeEveryDescriptor() {
  std::vector<int> taken;
  for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(fd);
  return taken;
}

TEST(ConnectScan, WaitsForDescriptorsThatComeBack) {
  const auto text = InChild([] {
    SetDescriptorLimit(64);
    auto request = Request({Net("127.0.0.1")}, "1-1000");
    std::vector<int> taken;
    bool first = true;
    request.may_probe = [&](const IpAddress&) {
      if (first) taken = TakeEveryDescriptor();
      first = false;
      return true;
    };
    request.on_progress = [&](const ScanProgress&) {
      for (const int fd : taken) ::close(fd);
      taken.clear();
    };
    auto result = Scan(request);
    const bool waited = result.coverage.send_errors["EMFILE"] > 0;
    result.coverage.send_errors.clear();
    return Text(result) + (waited ? "waited" : "did not have to wait");
  });
  EXPECT_EQ(text, "127.0.0.1 tcp/1-1000 closed rst\nwaited");
}

TEST(ConnectScan, EndsWithoutVerdictsWhenDescriptorsStayAway) {
  const auto text = InChild([] {
    SetDescriptorLimit(64);
    auto request = Request({Net("127.0.0.1")}, "1-1000");
    bool first = true;
    request.may_probe = [&](const IpAddress&) {
      if (first) TakeEveryDescriptor();
      first = false;
      return true;
    };
    const auto result = Scan(request);
    auto counts = Counts(result);
    return "unknown " + std::to_string(counts[PortState::kUnknown]) + ", filtered " +
           std::to_string(counts[PortState::kFiltered]) + ", closed " +
           std::to_string(counts[PortState::kClosed]) +
           (result.coverage.complete ? ", complete" : ", incomplete");
  });
  EXPECT_EQ(text, "unknown 1000, filtered 0, closed 0, incomplete");
}

TEST(ConnectScan, StartsWithoutDescriptorsToo) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's own check of a thrown object opens a pipe";
#endif
  EXPECT_EQ(InChild([] {
              SetDescriptorLimit(64);
              TakeEveryDescriptor();
              return Text(Scan(Request({Net("127.0.0.1")}, "1-1000")));
            }),
            "127.0.0.1 tcp/1-1000 unknown not-probed\nEMFILE 1\nincomplete\n");
}

}  // namespace
}  // namespace postern::scanner

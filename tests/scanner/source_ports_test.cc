#include "scanner/source_ports.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scanner/in_network.h"

namespace postern::scanner {
namespace {

TEST(SourcePorts, LieOutsideTheKernelsOwn) {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  PortRange kernels;
  ASSERT_TRUE(file >> kernels.first >> kernels.last);
  if (kernels.first < 1024 + kSourcePortBlock && kernels.last > 65535 - kSourcePortBlock) {
    GTEST_SKIP() << "the kernel's range leaves no room";
  }
  for (int i = 0; i < 100; ++i) {
    const SourcePorts ports;
    EXPECT_EQ(ports.range().size(), kSourcePortBlock);
    EXPECT_TRUE(ports.range().first > kernels.last || ports.range().last < kernels.first);
    EXPECT_GE(ports.range().first, 1024);
  }
}

TEST(SourcePorts, AreNoOtherScansWhileHeld) {
  std::vector<std::unique_ptr<SourcePorts>> scans;
  std::set<std::uint16_t> firsts;
  for (int i = 0; i < 20; ++i) {
    scans.push_back(std::make_unique<SourcePorts>());
    firsts.insert(scans.back()->range().first);
  }
  EXPECT_EQ(firsts.size(), scans.size());
}

TEST(SourcePorts, ChangeFromScanToScan) {
  std::set<std::uint16_t> firsts;
  for (int i = 0; i < 50; ++i) firsts.insert(SourcePorts().range().first);
  EXPECT_GT(firsts.size(), 5U);
}

TEST(SourcePorts, TellTheTryAndTheTimingProbesApart) {
  const SourcePorts ports;
  std::set<std::uint16_t> all;
  for (int round = 1; round <= kTryPorts; ++round) {
    const auto port = ports.OfTry(round);
    EXPECT_EQ(ports.TryOf(port), round);
    EXPECT_FALSE(ports.IsTiming(port));
    all.insert(port);
  }
  for (std::uint64_t number = 0; number < kTimingPorts; ++number) {
    EXPECT_TRUE(ports.IsTiming(ports.OfTiming(number)));
    all.insert(ports.OfTiming(number));
  }
  EXPECT_EQ(all.size(), ports.range().size());
  EXPECT_EQ(*all.begin(), ports.range().first);
  EXPECT_EQ(*all.rbegin(), ports.range().last);
  EXPECT_EQ(ports.OfTry(kTryPorts + 1), ports.OfTry(1));
  EXPECT_EQ(ports.OfTiming(~std::uint64_t{0}), ports.OfTiming(kTimingPorts - 1));
}

TEST(SourcePorts, FollowWhatTheKernelIsTold) {
  struct Setting {
    const char* kernels;
    PortRange expected;
  };
  constexpr std::array<Setting, 4> kSettings = {{{"32768 65000", {65001, 65535}},
                                                 {"20000 65535", {1024, 19999}},
                                                 {"1024 65500", {65501, 65535}},
                                                 {"1024 65535", {61000, 65535}}}};
  const auto text = InNetwork({}, [&]() -> std::string {
    std::string text;
    for (const auto& [kernels, expected] : kSettings) {
      if (!Write("/proc/sys/net/ipv4/ip_local_port_range", kernels)) return "cannot set the range";
      const auto used = SourcePorts().range();
      if (!expected.Contains(used.first) || !expected.Contains(used.last)) {
        text += std::string(kernels) + ": " + std::to_string(used.first) + "\n";
      }
    }
    // Where there is but one block, two scans share it.
    Write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65500");
    const SourcePorts one;
    const SourcePorts other;
    return text + (one.range() == other.range() ? "shared" : "apart");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "shared");
}

}  // namespace
}  // namespace postern::scanner

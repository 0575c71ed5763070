#include "scanner/scan.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace postern::scanner {
namespace {

Prefix Net(const char* text) { return *Prefix::Parse(text); }
PortSet Ports(const char* spec) { return *PortSet::Parse(spec, PortSet::BarePorts::kAreAnError); }

std::string Endpoints(const ScanPlan& plan) {
  std::string text;
  for (std::uint64_t i = 0; i < plan.size(); ++i) text += ToString(plan.At(i)) + "\n";
  return text;
}

TEST(ScanPlan, HasNothingToBeginWith) { EXPECT_EQ(ScanPlan().size(), 0U); }

TEST(ScanPlan, ListsGroupsThenAddressesThenPorts) {
  ScanPlan plan;
  plan.Add({Net("192.0.2.254/31"), Net("2001:db8::1")}, Ports("tcp/22,80-81,udp/53"));
  plan.Add({}, Ports("tcp/1"));
  plan.Add({Net("192.0.2.9")}, {});
  plan.Add({Net("192.0.2.1")}, Ports("tcp/443"));
  EXPECT_EQ(Endpoints(plan),
            "192.0.2.254 tcp/22\n192.0.2.254 tcp/80\n192.0.2.254 tcp/81\n192.0.2.254 udp/53\n"
            "192.0.2.255 tcp/22\n192.0.2.255 tcp/80\n192.0.2.255 tcp/81\n192.0.2.255 udp/53\n"
            "2001:db8::1 tcp/22\n2001:db8::1 tcp/80\n2001:db8::1 tcp/81\n2001:db8::1 udp/53\n"
            "192.0.2.1 tcp/443\n");
}

TEST(ScanPlan, ReachesTheLastEndpointOfALargeOne) {
  ScanPlan plan;
  plan.Add({Net("10.0.0.0/8")}, PortSet::AllTcp());
  plan.Add({Net("2001:db8::/96")}, Ports("tcp/1-2"));
  ASSERT_EQ(plan.size(), (std::uint64_t{1} << 24) * 65535 + (std::uint64_t{2} << 32));
  EXPECT_EQ(ToString(plan.At((std::uint64_t{1} << 24) * 65535 - 1)), "10.255.255.255 tcp/65535");
  EXPECT_EQ(ToString(plan.At(plan.size() - 1)), "2001:db8::ffff:ffff tcp/2");
}

TEST(ScanPlan, SaturatesWhereCountingEnds) {
  ScanPlan plan;
  plan.Add({Net("2001:db8::/32")}, PortSet::AllTcp());
  EXPECT_EQ(plan.size(), std::numeric_limits<std::uint64_t>::max());
}

TEST(ScanPlan, FindsEachEndpointAgain) {
  ScanPlan plan;
  plan.Add({Net("192.0.2.0/28"), Net("2001:db8::/125")}, Ports("tcp/22,80-81,udp/53"));
  plan.Add({Net("192.0.2.8"), Net("198.51.100.0/30")}, Ports("tcp/443,udp/161"));
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(plan.IndexOf(plan.At(i)), i) << ToString(plan.At(i));
  }
  for (const auto* address : {"192.0.2.16", "198.51.100.4", "2001:db8::8", "::"}) {
    EXPECT_EQ(plan.IndexOf({*IpAddress::Parse(address), Protocol::kTcp, 22}), std::nullopt);
  }
  EXPECT_EQ(plan.IndexOf({*IpAddress::Parse("192.0.2.7"), Protocol::kTcp, 443}), std::nullopt);
  EXPECT_EQ(plan.IndexOf({*IpAddress::Parse("192.0.2.8"), Protocol::kUdp, 22}), std::nullopt);
}

TEST(ScanPlan, FindsAllEndpointsOfAnAddress) {
  ScanPlan plan;
  plan.Add({Net("192.0.2.0/28"), Net("2001:db8::/125")}, Ports("tcp/22,80-81,udp/53"));
  plan.Add({Net("192.0.2.8")}, Ports("tcp/443,udp/161"));
  const std::vector<IndexRange> both{{8 * 4, 4}, {24 * 4, 2}};
  EXPECT_EQ(plan.IndicesOf(*IpAddress::Parse("192.0.2.8")), both);
  EXPECT_EQ(plan.IndicesOf(*IpAddress::Parse("192.0.2.16")), std::vector<IndexRange>());
}

}  // namespace
}  // namespace postern::scanner

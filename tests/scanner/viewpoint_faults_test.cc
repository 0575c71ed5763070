// What goes wrong on our own side in the middle of a scan is never a verdict on a target, whatever
// the method.
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "scanner/connect_scan.h"
#include "scanner/in_network.h"
#include "scanner/other_network.h"
#include "scanner/route.h"
#include "scanner/scan_text.h"
#include "scanner/syn_scan.h"
#include "scanner/udp_scan.h"

namespace postern::scanner {
namespace {

using Commands = std::vector<std::string>;

// Neighbours that exist as far as the kernel knows, and never answer.
const Commands kLink = {"ip link add here type veth peer name there",
                        "ip addr add 192.0.2.1/24 dev here",
                        "ip -6 addr add 2001:db8::1/64 dev here nodad",
                        "ip link set here address 02:00:00:00:00:09 up",
                        "ip link set there up",
                        "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev here",
                        "ip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:01 dev here"};

struct Engine {
  const char* name;
  ScanResult (*scan)(const ScanRequest&, RateLimiter&);
  std::string ports;
};

const Engine kEngines[] = {
    {"SYN", [](const ScanRequest& r, RateLimiter& l) { return SynScan(r, l, {}); }, "tcp/"},
    {"connect", [](const ScanRequest& r, RateLimiter& l) { return ConnectScan(r, l, {}); }, "tcp/"},
    {"UDP", [](const ScanRequest& r, RateLimiter& l) { return UdpScan(r, l, {}); }, "udp/"}};

ScanResult Scan(const Engine& engine, ScanRequest& request,
                const std::vector<const char*>& addresses, const std::string& ports) {
  std::vector<Prefix> prefixes;
  prefixes.reserve(addresses.size());
  for (const char* address : addresses) prefixes.push_back(*Prefix::Parse(address));
  request.plan.Add(prefixes,
                   *PortSet::Parse(engine.ports + ports, PortSet::BarePorts::kAreAnError));
  RateLimiter limiter({1e6, 1e6, 1e6});
  return engine.scan(request, limiter);
}

// What a scan of 200 silent ports says when `change` is made to the network in the middle of it.
std::string ScanThrough(const Engine& engine, const char* change) {
  return InNetwork(kLink, [&engine, change] {
    ScanRequest request;
    request.spread = std::chrono::milliseconds(1200);
    int asked = 0;
    request.may_probe = [&](const IpAddress&) {
      if (++asked == 50) Succeeds(change);
      return true;
    };
    const auto result = Scan(engine, request, {"192.0.2.2"}, "20001-20200");
    std::uint64_t unknown = 0;
    for (const auto protocol : kProtocols) {
      unknown += result.addresses.front().of(protocol).Count(PortState::kUnknown);
    }
    std::string text = std::to_string(unknown) + " unknown, " +
                       (result.coverage.complete ? "complete" : "incomplete");
    for (const auto& [error, count] : result.coverage.send_errors) {
      if (error == "route-changed" || error == "ENODEV" || error == "ENETDOWN")
        text += ", " + error;
    }
    return text;
  });
}

class ViewpointFaults : public testing::TestWithParam<Engine> {};

INSTANTIATE_TEST_SUITE_P(, ViewpointFaults, testing::ValuesIn(kEngines),
                         [](const auto& engine) { return std::string(engine.param.name); });

TEST_P(ViewpointFaults, AChangeOfOurOwnNetworkInMidScanLeavesSilenceUnknown) {
  const std::vector<std::pair<const char*, const char*>> changes = {
      {"ip link del here", "200 unknown, incomplete, ENODEV"},
      {"ip link set here down", "200 unknown, incomplete, ENETDOWN"},
      {"ip link set there down", "200 unknown, incomplete, ENETDOWN"},  // the cable
      {"ip addr add 192.0.2.9/24 dev here && ip addr del 192.0.2.1/24 dev here",
       "200 unknown, incomplete, route-changed"},
      {"ip route add 192.0.2.2/32 via 192.0.2.77 dev here",
       "200 unknown, incomplete, route-changed"},
  };
  for (const auto& [change, expected] : changes) {
    const auto text = ScanThrough(GetParam(), change);
    SKIP_IF_REFUSED(text);
    EXPECT_EQ(text, expected) << change;
  }
}

constexpr LinkAddress kHere = {2, 0, 0, 0, 0, 9};

// More ICMP errors about nothing than the capture's buffer has room for.
void Overflow(int socket) {
  constexpr std::array<std::uint8_t, 28> kUnreachable = {
      0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 198, 51, 100, 1, 192, 0, 2, 1, 3, 1};
  sockaddr_ll here{};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETH_P_IP);
  here.sll_ifindex = static_cast<int>(if_nametoindex("there"));
  here.sll_halen = 6;
  std::copy(kHere.begin(), kHere.end(), std::begin(here.sll_addr));
  for (int i = 0; i < 60'000; ++i) {
    ::sendto(socket, kUnreachable.data(), kUnreachable.size(), 0,
             reinterpret_cast<const sockaddr*>(&here), sizeof(here));
  }
}

TEST(SynScanFaults, WhatTheCaptureMayHaveDroppedIsUnknown) {
  const auto text = InNetwork(kLink, []() -> std::string {
    const int socket = ::socket(AF_PACKET, SOCK_DGRAM, 0);
    ScanRequest request;
    // While the scan asks whether it may, it reads no reply.
    request.may_probe = [&](const IpAddress&) {
      Overflow(socket);
      return true;
    };
    const auto result = Scan(kEngines[0], request, {"192.0.2.2"}, "20001");
    return Text(result) + (result.coverage.capture_drops > 0 ? "drops counted" : "no drops");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "192.0.2.2 tcp/20001 unknown not-probed\nincomplete\ndrops counted");
}

// Two filters of our own, of which sockets hear in different ways.
TEST_P(ViewpointFaults, WhatOurOwnSideDropsIsUnknown) {
  const Commands output = {
      "nft add table inet t", "nft 'add chain inet t o { type filter hook output priority 0; }'",
      "nft add rule inet t o tcp dport 20001 drop", "nft add rule inet t o udp dport 20001 drop"};
  const Commands egress = {
      "nft add table netdev t",
      "nft 'add chain netdev t e { type filter hook egress device here priority 0; }'",
      "nft add rule netdev t e tcp dport 20001 drop",
      "nft add rule netdev t e udp dport 20001 drop"};
  const bool tcp = GetParam().ports == "tcp/";
  const std::string expected =
      "192.0.2.2 " + GetParam().ports + "20001 unknown local-error\n" + "192.0.2.2 " +
      GetParam().ports + "20002 closed " + (tcp ? "rst" : "icmp-3-3") + "\n" + "2001:db8::2 " +
      GetParam().ports + "20001 unknown local-error\n" + "2001:db8::2 " + GetParam().ports +
      "20002 closed " + (tcp ? "rst" : "icmp6-1-4") + "\n";
  for (const auto& filter : {output, egress}) {
    const auto text = InNetwork({}, [&]() -> std::string {
      const OtherNetwork other;
      if (!other.ready()) return "the other network was not made";
      for (const auto& command : filter) {
        if (!Succeeds(command)) return "failed: " + command;
      }
      // Who waits for a neighbour's link address takes it for loss, and asks more often.
      ScanRequest neighbours;
      Scan(GetParam(), neighbours, {"192.0.2.2", "2001:db8::2"}, "20003");
      ScanRequest request;
      auto result = Scan(GetParam(), request, {"192.0.2.2", "2001:db8::2"}, "20001-20002");
      const bool told = !result.coverage.send_errors.empty();
      result.coverage.send_errors.clear();
      return Text(result) + (told ? "told why" : "told nothing");
    });
    SKIP_IF_REFUSED(text);
    EXPECT_EQ(text, expected + "told why") << filter.at(1);
  }
}

}  // namespace
}  // namespace postern::scanner

// The connect scan where the network is the test's own.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "scanner/connect_scan.h"
#include "scanner/in_network.h"
#include "scanner/listener.h"
#include "scanner/other_network.h"
#include "scanner/scan_text.h"

namespace postern::scanner {
namespace {

ScanResult Scan(const std::vector<const char*>& addresses, const std::string& ports,
                std::uint64_t seed = 0) {
  ScanRequest request;
  request.seed = seed;
  std::vector<Prefix> prefixes;
  prefixes.reserve(addresses.size());
  for (const char* address : addresses) prefixes.push_back(*Prefix::Parse(address));
  request.plan.Add(prefixes, *PortSet::Parse(ports, PortSet::BarePorts::kAreTcp));
  RateLimiter limiter({1e6, 1e6, 1e6});
  return ConnectScan(request, limiter, {});
}

// Two interfaces with addresses of ours on one of them, and nobody else behind the other.
const std::vector<std::string> kLink = {
    "ip link add here type veth peer name there", "ip addr add 192.0.2.1/24 dev here",
    "ip -6 addr add 2001:db8::1/64 dev here nodad", "ip link set here up", "ip link set there up"};

TEST(ConnectScanNamespace, LeavesUnknownWhereNoRouteLeads) {
  const auto text = InNetwork(
      {"ip route add unreachable 198.51.100.0/24", "ip route add prohibit 198.51.101.0/24",
       "ip route add blackhole 198.51.102.0/24"},
      [] {
        return Text(Scan(
            {"192.0.2.1", "198.51.100.1", "198.51.101.1", "198.51.102.1", "2001:db8::1"}, "80-81"));
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.1 tcp/80-81 unknown local-error\n"
            "198.51.100.1 tcp/80-81 unknown local-error\n"
            "198.51.101.1 tcp/80-81 unknown local-error\n"
            "198.51.102.1 tcp/80-81 unknown local-error\n"
            "2001:db8::1 tcp/80-81 unknown local-error\n"
            "EACCES 2\nEHOSTUNREACH 2\nEINVAL 2\nENETUNREACH 4\n");
}

TEST(ConnectScanNamespace, DoesNotWaitForAHostThatLimitsItsResetsLongerThanItIsTold) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other;
    if (!other.ready() || !other.Run("nft add table inet t") ||
        !other.Run("nft 'add chain inet t o { type filter hook output priority 0; }'") ||
        !other.Run("nft 'add rule inet t o tcp flags & rst == rst "
                   "limit rate over 50/second burst 30 packets drop'")) {
      return "the other network was not made";
    }
    ScanRequest request;
    request.plan.Add({*Prefix::Parse("192.0.2.2"), *Prefix::Parse("127.0.0.1")},
                     *PortSet::Parse("tcp/3001-3600", PortSet::BarePorts::kAreAnError));
    request.slow_hosts_wait = std::chrono::seconds(1);
    RateLimiter limiter({1e6, 1e6, 1e6});
    const auto result = ConnectScan(request, limiter, {});
    const auto& slow = result.addresses.back().of(Protocol::kTcp);
    const auto closed = slow.Count(PortState::kClosed);
    std::string text = closed > 0 && closed < 600 ? "some closed" : std::to_string(closed);
    text += slow.Count(PortState::kUnknown) == 600 - closed ? ", the rest unknown" : ", wrong rest";
    for (const auto& address : result.coverage.slow_hosts) text += ", slow " + address.ToString();
    text += result.coverage.held_back.contains(ScanBound::kReplyLimit) ? ", and says so" : "";
    return text + (result.coverage.complete ? ", complete" : ", incomplete");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "some closed, the rest unknown, slow 192.0.2.2, and says so, complete");
}

TEST(ConnectScanNamespace, TakesAnAddressThatNobodyHasForSilent) {
  const auto text = InNetwork(kLink, [] {
    return Text(Scan({"192.0.2.77", "2001:db8::77"}, "80-81"));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.77 tcp/80-81 filtered no-neighbour\n"
            "2001:db8::77 tcp/80-81 filtered no-neighbour\n");
}

TEST(ConnectScanNamespace, LeavesUnknownWhatOurOwnFirewallHoldsBack) {
  // Neighbours that exist as far as the kernel knows, so that packets would leave.
  const auto text = InNetwork(
      kLink +
          std::vector<std::string>{
              "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev here",
              "ip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:01 dev here",
              "nft add table inet t",
              "nft 'add chain inet t o { type filter hook output priority 0; }'",
              "nft add rule inet t o tcp dport 2001 drop",
              "nft add rule inet t o tcp dport 2002 reject with icmpx type port-unreachable",
              "nft add rule inet t o tcp dport 2003 reject with icmpx type host-unreachable"},
      [] {
        return Text(Scan({"192.0.2.2", "2001:db8::2"}, "2000-2003"));
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 tcp/2000 filtered no-response\n"
            "192.0.2.2 tcp/2001-2003 unknown local-error\n"
            "2001:db8::2 tcp/2000 filtered no-response\n"
            "2001:db8::2 tcp/2001-2003 unknown local-error\n"
            "EPERM 6\n");
}

TEST(ConnectScanNamespace, SendsTheTriesAndOneRetransmitToAPortThatDrops) {
  const auto text = InNetwork(
      {"nft add table inet t", "nft 'add chain inet t i { type filter hook input priority 0; }'",
       "nft add rule inet t i tcp dport 1 counter drop"},
      [] {
        const auto result = Scan({"127.0.0.1", "::1"}, "1");
        const bool counted = Succeeds("nft list ruleset | grep -q 'packets 8 '");
        return Text(result) + "sent " + std::to_string(result.coverage.probes_sent) + ", again " +
               std::to_string(result.coverage.retransmits) +
               (counted ? ", all arrived" : ", another number arrived");
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "127.0.0.1 tcp/1 filtered no-response\n::1 tcp/1 filtered no-response\n"
            "sent 8, again 6, all arrived");
}

TEST(ConnectScanNamespace, TriesMoreOftenWhenTargetsAnswerOnlyLater) {
  // Each flow's first packet is lost for a fifth of the ports, and everything to the last ten.
  const auto text = InNetwork(
      {"nft add table inet t", "nft 'add chain inet t i { type filter hook input priority 0; }'",
       "nft 'add set inet t seen { type inet_service; flags dynamic; size 65535; timeout 1h; }'",
       "nft add rule inet t i tcp dport 991-1000 drop",
       "nft add rule inet t i tcp dport 1-200 tcp dport != @seen add @seen { tcp dport } drop"},
      [] {
        const auto result = Scan({"127.0.0.1"}, "1-1000");
        // 1,000 at stake: 1000 * 0.2020^9 < 1e-3, so nine tries.
        return Text(result) + "loss " + std::to_string(result.coverage.estimated_loss) + ", sent " +
               std::to_string(result.coverage.probes_sent);
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "127.0.0.1 tcp/1-990 closed rst\n127.0.0.1 tcp/991-1000 filtered no-response\n"
            "loss 0.202020, sent 1290");
}

TEST(ConnectScanNamespace, TellsItsOwnConnectionsToItselfFromOpenPorts) {
  const auto text = InNetwork({"echo 40000 40015 > /proc/sys/net/ipv4/ip_local_port_range"}, [] {
    const Listener listener(AF_INET, 40003);
    std::uint64_t met_itself = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto result = Scan({"127.0.0.1", "::1"}, "40000-40015", seed);
      met_itself += result.coverage.probes_sent - 32;
      auto text = Text(result);
      if (text !=
          "127.0.0.1 tcp/40000-40002 closed rst\n127.0.0.1 tcp/40003 open syn-ack\n"
          "127.0.0.1 tcp/40004-40015 closed rst\n::1 tcp/40000-40015 closed rst\n") {
        return text;
      }
    }
    return std::string(met_itself > 0 ? "met itself, and was not misled" : "never met itself");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "met itself, and was not misled");
}

TEST(ConnectScanNamespace, GivesUpOnAPortThatItCanOnlyReachFromItself) {
  const auto text = InNetwork({"echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range"},
                              [] { return Text(Scan({"127.0.0.1"}, "40000-40001")); });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "127.0.0.1 tcp/40000 unknown local-error\n127.0.0.1 tcp/40001 closed rst\n"
            "EADDRINUSE 1\n");
}

}  // namespace
}  // namespace postern::scanner

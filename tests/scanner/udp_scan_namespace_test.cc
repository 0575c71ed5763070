// The UDP scan against another network stack: real ICMP limits, real reject rules.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "scanner/in_network.h"
#include "scanner/other_network.h"
#include "scanner/scan_text.h"
#include "scanner/udp_scan.h"

namespace postern::scanner {
namespace {

// Sends every datagram back, on each of the ports, forever.
void Echo(const std::vector<std::uint16_t>& ports) {
  std::vector<pollfd> sockets;
  for (const auto port : ports) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    const int socket = ::socket(AF_INET6, SOCK_DGRAM, 0);
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
    sockets.push_back({socket, POLLIN, 0});
  }
  while (::poll(sockets.data(), sockets.size(), -1) > 0) {
    for (const auto& socket : sockets) {
      std::array<char, 2048> buffer{};
      sockaddr_in6 from{};
      socklen_t size = sizeof(from);
      if ((socket.revents & POLLIN) == 0) continue;
      const auto received = ::recvfrom(socket.fd, buffer.data(), buffer.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &size);
      ::sendto(socket.fd, buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(received, 0)),
               0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }
}

ScanRequest RequestFor(const std::vector<const char*>& addresses, const std::string& ports) {
  ScanRequest request;
  std::vector<Prefix> prefixes;
  prefixes.reserve(addresses.size());
  for (const char* address : addresses) prefixes.push_back(*Prefix::Parse(address));
  request.plan.Add(prefixes, *PortSet::Parse(ports, PortSet::BarePorts::kAreAnError));
  return request;
}

ScanResult Scan(const ScanRequest& request) {
  RateLimiter limiter({1e6, 1e6, 1e6});
  return UdpScan(request, limiter, {});
}

ScanResult Scan(const std::vector<const char*>& addresses, const std::string& ports) {
  return Scan(RequestFor(addresses, ports));
}

constexpr const char* kNotReady = "the other network was not made";

TEST(UdpScanNamespace, FindsEveryClosedPortBehindTheKernelsOwnLimit) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other([] { Echo({1007, 1013}); });
    if (!other.ready()) return kNotReady;
    const auto result = Scan({"192.0.2.2"}, "udp/1001-1014");
    return Text(result);
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/1001-1006 closed icmp-3-3\n192.0.2.2 udp/1007 open udp-response\n"
            "192.0.2.2 udp/1008-1012 closed icmp-3-3\n192.0.2.2 udp/1013 open udp-response\n"
            "192.0.2.2 udp/1014 closed icmp-3-3\n");
}

constexpr const char* kInput = "nft 'add chain inet t i { type filter hook input priority 0; }'";

// Rules on the other side, whose ICMP errors no limit holds back.
bool Filter(const OtherNetwork& other, const std::vector<std::string>& rules) {
  bool done = other.Run("sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0") &&
              other.Run("nft add table inet t") && other.Run(kInput);
  for (const auto& rule : rules) done = done && other.Run("nft add rule inet t i " + rule);
  return done;
}

TEST(UdpScanNamespace, TellsEveryIcmpErrorApart) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other([] { Echo({1001}); });
    if (!other.ready() ||
        !Filter(other,
                {"udp dport 1003 drop", "meta nfproto ipv4 udp dport 1004 reject with icmp 13",
                 "meta nfproto ipv6 udp dport 1004 reject with icmpv6 admin-prohibited",
                 "udp dport 1005 reject with icmpx host-unreachable",
                 "meta nfproto ipv4 udp dport 1006 reject with icmp net-prohibited",
                 "meta nfproto ipv6 udp dport 1006 reject with icmpv6 no-route",
                 "meta nfproto ipv4 udp dport 1007 reject with icmp host-prohibited",
                 "meta nfproto ipv6 udp dport 1007 reject with icmpv6 policy-fail",
                 "udp dport 1008 reject with icmpx port-unreachable",
                 "meta nfproto ipv4 udp dport 1009 reject with icmp prot-unreachable",
                 "meta nfproto ipv6 udp dport 1009 reject with icmpv6 reject-route"})) {
      return kNotReady;
    }
    return Text(Scan({"192.0.2.2", "2001:db8::2"}, "udp/1001-1009"));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/1001 open udp-response\n192.0.2.2 udp/1002 closed icmp-3-3\n"
            "192.0.2.2 udp/1003 open_filtered no-response\n"
            "192.0.2.2 udp/1004 filtered icmp-3-13\n192.0.2.2 udp/1005 filtered icmp-3-1\n"
            "192.0.2.2 udp/1006 filtered icmp-3-9\n192.0.2.2 udp/1007 filtered icmp-3-10\n"
            "192.0.2.2 udp/1008 closed icmp-3-3\n192.0.2.2 udp/1009 filtered icmp-3-2\n"
            "2001:db8::2 udp/1001 open udp-response\n2001:db8::2 udp/1002 closed icmp6-1-4\n"
            "2001:db8::2 udp/1003 open_filtered no-response\n"
            "2001:db8::2 udp/1004 filtered icmp6-1-1\n2001:db8::2 udp/1005 filtered icmp6-1-3\n"
            "2001:db8::2 udp/1006 filtered icmp6-1-0\n2001:db8::2 udp/1007 filtered icmp6-1-5\n"
            "2001:db8::2 udp/1008 closed icmp6-1-4\n2001:db8::2 udp/1009 filtered icmp6-1-6\n");
}

TEST(UdpScanNamespace, TakesPortUnreachableFromARouterForAFilter) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork router;
    if (!router.ready() || !Succeeds("ip route add 198.51.100.0/24 via 192.0.2.2") ||
        !Succeeds("ip -6 route add 2001:db8:1::/64 via 2001:db8::2") ||
        !router.Run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
                    "net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0") ||
        !router.Run("ip route add blackhole 198.51.100.0/24") ||
        !router.Run("nft add table inet t") ||
        !router.Run("nft 'add chain inet t p { type filter hook prerouting priority 0; }'") ||
        !router.Run("nft add rule inet t p udp dport 7001 "
                    "reject with icmpx port-unreachable")) {
      return kNotReady;
    }
    return Text(Scan({"198.51.100.9", "2001:db8:1::9"}, "udp/7001"));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "198.51.100.9 udp/7001 filtered icmp-3-3\n"
            "2001:db8:1::9 udp/7001 filtered icmp6-1-4\n");
}

TEST(UdpScanNamespace, LeavesUnknownWhatOurOwnSideHoldsBack) {
  const auto text = InNetwork(
      {"nft add table inet t", "nft 'add chain inet t o { type filter hook output priority 0; }'",
       "nft add rule inet t o udp dport 2001 drop",
       "nft add rule inet t o udp dport 2002 reject with icmpx port-unreachable",
       "nft add rule inet t o udp dport 2003 reject with icmpx host-unreachable"},
      []() -> std::string {
        const OtherNetwork other;
        if (!other.ready()) return kNotReady;
        return Text(Scan({"192.0.2.2", "2001:db8::2", "203.0.113.1"}, "udp/2000-2003"));
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/2000 closed icmp-3-3\n192.0.2.2 udp/2001-2003 unknown local-error\n"
            "203.0.113.1 udp/2000-2003 unknown local-error\n"
            "2001:db8::2 udp/2000 closed icmp6-1-4\n2001:db8::2 udp/2001-2003 unknown local-error\n"
            "ENETUNREACH 4\nEPERM 6\n");
}

TEST(UdpScanNamespace, TakesAnAddressThatNobodyHasForSilent) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other;
    if (!other.ready()) return kNotReady;
    return Text(Scan({"192.0.2.77", "2001:db8::77"}, "udp/53-54"));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.77 udp/53-54 open_filtered no-neighbour\n"
            "2001:db8::77 udp/53-54 open_filtered no-neighbour\n");
}

// A firewall that drops nearly everything, on a host that answers one port in a second at most.
TEST(UdpScanNamespace, KeepsSilentPortsApartFromClosedOnesThatHaveToWait) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other;
    if (!other.ready() || !other.Run("nft add table inet t") || !other.Run(kInput) ||
        !other.Run("nft add rule inet t i udp dport 3000-3012 drop")) {
      return kNotReady;
    }
    return Text(Scan({"192.0.2.2"}, "udp/3000-3020"));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/3000-3012 open_filtered no-response\n"
            "192.0.2.2 udp/3013-3020 closed icmp-3-3\n");
}

TEST(UdpScanNamespace, LeavesUnknownWhereTheHostStopsToSendPortUnreachables) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other;
    if (!other.ready() || !other.Run("nft add table inet t") ||
        !other.Run("nft 'add chain inet t o { type filter hook output priority 0; }'") ||
        // Three, and no more for an hour.
        !other.Run("nft add rule inet t o meta l4proto icmp limit rate over 1/hour burst 3 packets "
                   "drop")) {
      return kNotReady;
    }
    const auto result = Scan({"192.0.2.2"}, "udp/3001-3005");
    const auto& states = result.addresses.at(0).of(Protocol::kUdp);
    return "closed " + std::to_string(states.Count(PortState::kClosed)) + ", unknown " +
           std::to_string(states.Count(PortState::kUnknown)) +
           (result.coverage.complete ? "" : ", incomplete");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "closed 3, unknown 2");
}

TEST(UdpScanNamespace, StopsWithinASecondAndKeepsWhatItFound) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other([] { Echo({1001}); });
    if (!other.ready()) return kNotReady;
    auto request = RequestFor({"192.0.2.2"}, "udp/1001,3001-3020");
    std::stop_source stop;
    request.on_progress = [&stop](const ScanProgress& progress) {
      if (progress.done > 7) stop.request_stop();
    };
    RateLimiter limiter({1e6, 1e6, 1e6});
    const auto result = UdpScan(request, limiter, stop.get_token());
    const auto& states = result.addresses.at(0).of(Protocol::kUdp);
    const bool some = states.Count(PortState::kUnknown) > 0 &&
                      states.Count(PortState::kOpenFiltered) == 0 &&
                      states.Count(PortState::kOpen) == 1;
    return std::string(some ? "some" : "another number") +
           (result.coverage.complete ? " complete" : " incomplete");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "some incomplete");
}

TEST(UdpScanNamespace, LeavesTheScopeAtOnce) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other;
    if (!other.ready() || !other.Run("nft add table inet t") || !other.Run(kInput) ||
        !other.Run("nft add rule inet t i udp dport 3001-3020 counter drop")) {
      return kNotReady;
    }
    auto request = RequestFor({"192.0.2.2", "192.0.2.3"}, "udp/3001-3020");
    int asked = 0;
    request.may_probe = [&asked](const IpAddress& address) {
      return address == *IpAddress::Parse("192.0.2.2") && ++asked <= 10;
    };
    const auto text = Text(Scan(request));
    return text + (other.Run("nft list ruleset | grep -q 'packets 10 '") ? "ten packets"
                                                                         : "another number");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/3001-3020 unknown not-probed\n"
            "192.0.2.3 udp/3001-3020 unknown not-probed\nten packets");
}

// TFTP's answers come from a port of their own (RFC 1350, section 4), and only they may.
void ServeFromAnotherPort() {
  const auto bound = [](std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    return ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 ? socket
                                                                                       : -1;
  };
  const std::array sockets = {bound(69), bound(53)};
  const int elsewhere = bound(4000);
  std::array<pollfd, 2> polled = {{{sockets[0], POLLIN, 0}, {sockets[1], POLLIN, 0}}};
  while (::poll(polled.data(), polled.size(), -1) > 0) {
    for (const auto& socket : polled) {
      std::array<char, 2048> buffer{};
      sockaddr_in from{};
      socklen_t size = sizeof(from);
      if ((socket.revents & POLLIN) == 0) continue;
      ::recvfrom(socket.fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                 &size);
      ::sendto(elsewhere, "\0\5\0\1no", 7, 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }
}

TEST(UdpScanNamespace, BelievesAnotherPortOnlyForProtocolsThatAnswerFromThere) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other(ServeFromAnotherPort);
    if (!other.ready()) return kNotReady;
    return Text(Scan({"192.0.2.2"}, "udp/53,69,5000"));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/53 open_filtered no-response\n192.0.2.2 udp/69 open udp-response\n"
            "192.0.2.2 udp/5000 closed icmp-3-3\n");
}

// Every port of this machine, those of the scan's own sockets among them.
TEST(UdpScanNamespace, TakesItsOwnSocketsForNoServices) {
  const auto text = InNetwork({"echo 40000 40015 > /proc/sys/net/ipv4/ip_local_port_range"}, [] {
    const auto result = Scan({"127.0.0.1"}, "udp/40000-40015");
    const auto& states = result.addresses.at(0).of(Protocol::kUdp);
    return "open " + std::to_string(states.Count(PortState::kOpen)) + ", closed or unknown " +
           std::to_string(states.Count(PortState::kClosed) + states.Count(PortState::kUnknown));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "open 0, closed or unknown 16");
}

TEST(UdpScanNamespace, HoldsItsRateAndItsPace) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other;
    if (!other.ready() || !Filter(other, {})) return kNotReady;
    auto request = RequestFor({"192.0.2.2"}, "udp/3001-3040");
    request.spread = std::chrono::milliseconds(800);
    request.expected_probes = 40;
    const auto start = std::chrono::steady_clock::now();
    const auto text = Text(Scan(request));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return text + (took.count() >= 39 / 50.0 - 0.03 ? "paced" : "too fast");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "192.0.2.2 udp/3001-3040 closed icmp-3-3\npaced");
}

// One port-unreachable a second after a burst of six: 60 ports would take a minute.
TEST(UdpScanNamespace, DoesNotWaitForAHostThatLimitsItsErrorsLongerThanItIsTold) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other;
    if (!other.ready()) return kNotReady;
    auto request = RequestFor({"192.0.2.2", "127.0.0.1"}, "udp/3001-3060");
    request.slow_hosts_wait = std::chrono::seconds(1);
    const auto result = Scan(request);
    const auto& slow = result.addresses.back().of(Protocol::kUdp);
    const auto closed = slow.Count(PortState::kClosed);
    std::string text = closed >= 6 && closed < 60 ? "some closed" : std::to_string(closed);
    text += slow.Count(PortState::kUnknown) == 60 - closed ? ", the rest unknown" : ", wrong rest";
    for (const auto& address : result.coverage.slow_hosts) text += ", slow " + address.ToString();
    return text + (result.coverage.complete ? ", complete" : ", incomplete");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "some closed, the rest unknown, slow 192.0.2.2, complete");
}

TEST(UdpScanNamespace, LeavesFromTheSourceAndTheInterfaceThatItIsTold) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other([] { Echo({1001}); });
    if (!other.ready() || !Succeeds("ip addr add 192.0.2.7/24 dev here") ||
        !Filter(other, {"ip saddr != 192.0.2.7 drop"})) {
      return kNotReady;
    }
    auto request = RequestFor({"192.0.2.2"}, "udp/1001");
    request.source = IpAddress::Parse("192.0.2.7");
    request.interface = "here";
    auto text = Text(Scan(request));
    request.source = IpAddress::Parse("192.0.2.8");
    text += Text(Scan(request));
    request.source.reset();
    request.interface = "nowhere";
    return text + Text(Scan(request));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/1001 open udp-response\n"
            "192.0.2.2 udp/1001 unknown local-error\nEADDRNOTAVAIL 9\n"
            "192.0.2.2 udp/1001 unknown local-error\nENODEV 1\n");
}

}  // namespace
}  // namespace postern::scanner

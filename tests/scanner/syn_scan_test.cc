// The SYN scan against the kernel of a network of the test's own.
#include "scanner/syn_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "scanner/capture.h"
#include "scanner/in_network.h"
#include "scanner/listener.h"
#include "scanner/packet.h"
#include "scanner/peer_network.h"
#include "scanner/scan_text.h"

namespace postern::scanner {
namespace {

using namespace std::chrono_literals;
using Commands = std::vector<std::string>;

ScanRequest Request(const std::vector<const char*>& addresses, const std::string& ports) {
  ScanRequest request;
  std::vector<Prefix> prefixes;
  prefixes.reserve(addresses.size());
  for (const char* address : addresses) prefixes.push_back(*Prefix::Parse(address));
  request.plan.Add(prefixes, *PortSet::Parse(ports, PortSet::BarePorts::kAreTcp));
  return request;
}

ScanResult Scan(const ScanRequest& request, const RateCaps& caps = {1e6, 1e6, 1e6},
                const std::stop_token& stop = {}) {
  RateLimiter limiter(caps);
  return SynScan(request, limiter, stop);
}

std::string TextOfScan(const std::vector<const char*>& addresses, const std::string& ports) {
  return Text(Scan(Request(addresses, ports)));
}

// An interface with addresses of ours and neighbours that exist as far as the kernel knows.
const Commands kLink = {"ip link add here type veth peer name there",
                        "ip addr add 192.0.2.1/24 dev here",
                        "ip -6 addr add 2001:db8::1/64 dev here nodad",
                        "ip link set here up",
                        "ip link set there up",
                        "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev here",
                        "ip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:01 dev here"};

// The numbers of the TCP SYNs that leave through `here`, in their order.
std::string PortsCaptured(Capture& capture) {
  std::string text;
  capture.DrainFrames(1 << 20, [&](const Capture::Frame& frame) {
    const auto packet = ParsePacket(frame.packet);
    const auto* segment = packet ? std::get_if<TcpSegment>(&packet->transport) : nullptr;
    if (segment == nullptr) return;
    text += packet->destination.ToString() + " " + std::to_string(segment->destination_port) + "\n";
  });
  return text;
}

TEST(SynScan, TellsOpenFromClosedOnTheLoopback) {
  const auto text = InNetwork({}, [] {
    const Listener v4(AF_INET, 4004);
    const Listener v6(AF_INET6, 4006);
    const auto result = Scan(Request({"127.0.0.1", "::1"}, "4000-4009"));
    std::string text = Text(result);
    for (const auto& observation : result.open) {
      text += ToString(observation.endpoint) + (observation.rtt ? " with" : " without") + " rtt\n";
    }
    return text;
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "127.0.0.1 tcp/4000-4003 closed rst\n127.0.0.1 tcp/4004 open syn-ack\n"
            "127.0.0.1 tcp/4005-4009 closed rst\n"
            "::1 tcp/4000-4005 closed rst\n::1 tcp/4006 open syn-ack\n"
            "::1 tcp/4007-4009 closed rst\n"
            "127.0.0.1 tcp/4004 with rtt\n::1 tcp/4006 with rtt\n");
}

// Every port, those that the probes come from among them: a capture of the loopback interface sees
// the probes themselves.
TEST(SynScan, FindsNothingButTheListenersOfThisMachine) {
  const auto text = InNetwork(kLink, [] {
    const Listener listener(AF_INET, 4004);
    return TextOfScan({"127.0.0.1", "192.0.2.1", "2001:db8::1"}, "all");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "127.0.0.1 tcp/1-4003 closed rst\n127.0.0.1 tcp/4004 open syn-ack\n"
            "127.0.0.1 tcp/4005-65535 closed rst\n"
            "192.0.2.1 tcp/1-65535 closed rst\n2001:db8::1 tcp/1-65535 closed rst\n");
}

TEST(SynScan, ClassifiesWhatAPeersRulesMakeOfItsProbes) {
  const auto text = InNetwork({}, [] {
    const PeerNetwork peer(22);
    for (const char* command : {"ip addr add 192.0.2.1/24 dev here", "ip link set here up",
                                "ip -6 addr add 2001:db8::1/64 dev here nodad"}) {
      if (std::string(command).starts_with("ip addr") &&
          !Succeeds("ip link add here type veth peer name there netns " + peer.pid())) {
        return std::string("no link");
      }
      if (!Succeeds(command)) return std::string(command);
    }
    auto failed = peer.Run(
        {"ip addr add 192.0.2.2/24 dev there", "ip -6 addr add 2001:db8::2/64 dev there nodad",
         "ip link set there up",
         // Linux limits its errors; the scan must not depend on how many ports have rules.
         "sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0", "nft add table inet t",
         "nft 'add chain inet t i { type filter hook input priority 0; }'",
         "nft add rule inet t i tcp dport 2001 drop",
         "nft add rule inet t i tcp dport 2002 reject with icmpx type port-unreachable",
         "nft add rule inet t i tcp dport 2003 reject with icmpx type admin-prohibited",
         "nft add rule inet t i tcp dport 2004 reject with tcp reset"});
    if (!failed.empty()) return failed;
    return TextOfScan({"192.0.2.2", "2001:db8::2"}, "22,2000-2004");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 tcp/22 open syn-ack\n192.0.2.2 tcp/2000 closed rst\n"
            "192.0.2.2 tcp/2001 filtered no-response\n192.0.2.2 tcp/2002 filtered icmp-3-3\n"
            "192.0.2.2 tcp/2003 filtered icmp-3-13\n192.0.2.2 tcp/2004 closed rst\n"
            "2001:db8::2 tcp/22 open syn-ack\n2001:db8::2 tcp/2000 closed rst\n"
            "2001:db8::2 tcp/2001 filtered no-response\n2001:db8::2 tcp/2002 filtered icmp6-1-4\n"
            "2001:db8::2 tcp/2003 filtered icmp6-1-1\n2001:db8::2 tcp/2004 closed rst\n");
}

TEST(SynScan, LeavesUnknownWhereNoRouteLeads) {
  const auto text = InNetwork(
      {"ip route add unreachable 198.51.100.0/24", "ip route add prohibit 198.51.101.0/24",
       "ip route add blackhole 198.51.102.0/24"},
      [] {
        return TextOfScan(
            {"192.0.2.1", "198.51.100.1", "198.51.101.1", "198.51.102.1", "2001:db8::1"}, "80-81");
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

// Beside neighbours that nobody is, about which this machine itself sends an error in the end.
TEST(SynScan, LeavesUnknownWhatOurOwnFirewallHoldsBackAndTakesNobodyForSilent) {
  const auto text = InNetwork(
      kLink + Commands{"nft add table inet t",
                       "nft 'add chain inet t o { type filter hook output priority 0; }'",
                       "nft add rule inet t o tcp dport 2001 drop"},
      [] {
        return TextOfScan({"192.0.2.2", "192.0.2.77", "2001:db8::2", "2001:db8::77"}, "2000-2002");
      });
  SKIP_IF_REFUSED(text);
  std::string expected;
  for (const std::string address : {"192.0.2.2", "192.0.2.77", "2001:db8::2", "2001:db8::77"}) {
    const bool nobody = address.ends_with("77");
    const std::string silence = nobody ? " filtered no-neighbour\n" : " filtered no-response\n";
    expected.append(address).append(" tcp/2000").append(silence);
    expected.append(address).append(" tcp/2001 unknown local-error\n");
    expected.append(address).append(" tcp/2002").append(silence);
  }
  EXPECT_EQ(text, expected + "EPERM 4\n");
}

TEST(SynScan, AsksForSilenceAsOftenAsItWasTold) {
  const auto text = InNetwork(kLink, []() -> std::string {
    auto capture = Capture::Open("tcp and dst host 192.0.2.2", Capture::Direction::kBoth);
    if (!capture) return capture.error().message;
    auto request = Request({"192.0.2.2"}, "80");
    request.tries = 2;
    const auto result = Scan(request);
    return Text(result) + PortsCaptured(*capture) + "sent " +
           std::to_string(result.coverage.probes_sent);
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 tcp/80 filtered no-response\n"
            "192.0.2.2 80\n192.0.2.2 80\nsent 2");
}

TEST(SynScan, VisitsEndpointsInTheOrderOfItsSeed) {
  const auto text = InNetwork(kLink, []() -> std::string {
    std::vector<std::string> orders;
    for (const std::uint64_t seed : {1U, 1U, 2U}) {
      auto capture = Capture::Open("tcp and dst host 192.0.2.2", Capture::Direction::kBoth);
      if (!capture) return capture.error().message;
      auto request = Request({"192.0.2.2"}, "1-50");
      request.tries = 1;
      request.seed = seed;
      Scan(request);
      orders.push_back(PortsCaptured(*capture));
      if (std::count(orders.back().begin(), orders.back().end(), '\n') != 50) return orders.back();
    }
    return std::string(orders[0] == orders[1] ? "one seed, one order" : "one seed, two orders") +
           (orders[0] != orders[2] ? "; another seed, another order" : "; always one order");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "one seed, one order; another seed, another order");
}

TEST(SynScan, AsksBeforeEveryProbeWhetherItMay) {
  const auto text = InNetwork(kLink, [] {
    // The second address is taken out of the scope once each of its ports was probed.
    auto request = Request({"127.0.0.1", "127.0.0.2", "192.0.2.2"}, "1-3");
    int probes_to_silent = 0;
    request.may_probe = [&](const IpAddress& address) {
      if (address == *IpAddress::Parse("127.0.0.2")) return false;
      return address != *IpAddress::Parse("192.0.2.2") || ++probes_to_silent <= 3;
    };
    return Text(Scan(request));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "127.0.0.1 tcp/1-3 closed rst\n127.0.0.2 tcp/1-3 unknown not-probed\n"
            "192.0.2.2 tcp/1-3 unknown not-probed\n");
}

TEST(SynScan, EndsWhenItIsStoppedAndSaysThatItIsIncomplete) {
  const auto text = InNetwork(kLink, [] {
    std::stop_source stop;
    auto request = Request({"127.0.0.1", "192.0.2.2"}, "1-10000");
    request.spread = std::chrono::seconds(60);
    int asked = 0;
    request.may_probe = [&](const IpAddress&) {
      if (++asked == 100) stop.request_stop();
      return true;
    };
    const auto result = Scan(request, {1e6, 1e6, 1e6}, stop.get_token());
    std::size_t known = 0;
    for (const auto& address : result.addresses) {
      const auto& states = address.of(Protocol::kTcp);
      known += states.Count(PortState::kClosed);
      if (states.Count(PortState::kFiltered) > 0) return std::string("silence became a verdict");
    }
    return std::string(asked < 500 ? "stopped" : "went on") + ", " +
           (known > 0 && known < 500 ? "some" : "all or none") + " known, " +
           (result.coverage.complete ? "complete" : "incomplete");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "stopped, some known, incomplete");
}

// By the capture's times, over any sliding second, timing probes and retries included.
TEST(SynScan, KeepsToTheCap) {
  const auto text = InNetwork({}, []() -> std::string {
    auto capture = Capture::Open("tcp[tcpflags] & tcp-syn != 0 and dst net 127.0.0.0/8",
                                 Capture::Direction::kBoth);
    if (!capture) return capture.error().message;
    const auto result = Scan(Request({"127.0.0.1", "127.0.0.2"}, "1-250"), {250, 150, 1e6});
    std::vector<std::chrono::system_clock::time_point> times;
    capture->DrainFrames(1 << 20, [&](const Capture::Frame& frame) { times.push_back(frame.at); });
    // A packet may be late on its way to the capture by what this machine is busy with.
    constexpr auto kSecond = 950ms;
    std::size_t most = 0;
    for (std::size_t begin = 0, end = 0; end < times.size(); ++end) {
      while (times[end] - times[begin] >= kSecond) ++begin;
      most = std::max(most, end - begin + 1);
    }
    return Text(result) + (times.size() == result.coverage.probes_sent ? "all captured, " : "") +
           (most <= 250 ? "never more" : std::to_string(most) + " in a second");
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "127.0.0.1 tcp/1-250 closed rst\n127.0.0.2 tcp/1-250 closed rst\n"
            "all captured, never more");
}

}  // namespace
}  // namespace postern::scanner

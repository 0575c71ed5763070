// Discovery in networks of the test's own: neighbours on a link, and hosts behind a router.
#include "scanner/discover.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "scanner/in_network.h"
#include "scanner/peer_network.h"

namespace postern::scanner {
namespace {

std::string Text(const LinkAddress& address) {
  std::string text;
  for (const auto byte : address) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

// "192.0.2.2 arp 020000000002" for each host, then what is not as it should be.
std::string Text(const Result<DiscoverResult>& result) {
  if (!result) return result.error().message;
  std::string text;
  for (const auto& host : result->up) {
    text += host.address.ToString() + " " + std::string(ToString(host.sign));
    if (host.link_address) text += " " + Text(*host.link_address);
    if (!host.rtt) text += " no rtt";
    text += "\n";
  }
  for (const auto& refused : result->refused) text += refused.why + "\n";
  const auto& coverage = result->coverage;
  text += "asked " + std::to_string(coverage.asked) + ", unknown " +
          std::to_string(coverage.unknown) + "\n";
  for (const auto& [name, count] : coverage.send_errors) {
    text += name + " " + std::to_string(count) + "\n";
  }
  if (!coverage.complete) text += "incomplete\n";
  return text;
}

DiscoverRequest Request(const std::vector<const char*>& ranges) {
  DiscoverRequest request;
  for (const char* range : ranges) request.ranges.push_back(*Prefix::Parse(range));
  return request;
}

Result<DiscoverResult> Look(const DiscoverRequest& request, double rate = 1e6) {
  RateLimiter limiter({rate, rate, rate});
  return Discover(request, limiter, {});
}

// IPv6 begins only when the kernel has taken notice of the carrier.
std::string UntilUp(const std::string& interface) {
  return "timeout 5 sh -c 'until ip link show " + interface +
         " | grep -q state.UP; do sleep 0.02; done'";
}

// A link with one neighbour on it.
std::string MakeLink(const PeerNetwork& neighbour) {
  // Addresses and routers are ready at once without duplicate address detection.
  const std::string no_delay = "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad";
  auto failed = neighbour.Run({no_delay});
  if (!failed.empty()) return failed;
  for (const auto& command : std::vector<std::string>{
           no_delay,
           "ip link add here type veth peer name there address 02:00:00:00:00:02 netns " +
               neighbour.pid(),
           "ip addr add 192.0.2.1/24 dev here", "ip -6 addr add 2001:db8::1/64 dev here nodad",
           "ip link set here up"}) {
    if (!Succeeds(command)) return command;
  }
  return neighbour.Run({"ip addr add 192.0.2.2/24 dev there",
                        "ip -6 addr add 2001:db8::2/64 dev there nodad",
                        "ip -6 addr add 2001:db8::abcd/64 dev there nodad preferred_lft 0",
                        "ip link set there up", UntilUp("there")});
}

std::string OnLink(const std::function<std::string(const PeerNetwork&)>& work) {
  return InNetwork({}, [&]() -> std::string {
    const PeerNetwork neighbour;
    const auto failed = MakeLink(neighbour);
    if (!failed.empty()) return "failed: " + failed;
    return Succeeds(UntilUp("here")) ? work(neighbour) : "the link stays down";
  });
}

TEST(Discover, FindsNeighboursByArpAndNeighbourDiscovery) {
  const auto text = OnLink([](const PeerNetwork& neighbour) {
    // A neighbour must answer even if its firewall lets no IP packet in.
    neighbour.Run(
        {"nft 'add table inet t; add chain inet t i { type filter hook input priority 0;"
         " policy drop; }; add rule inet t i icmpv6 type nd-neighbor-solicit accept'"});
    return Text(Look(Request({"192.0.2.0/29", "2001:db8::/125"})));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.1 echo\n192.0.2.2 arp 020000000002\n"
            "2001:db8::1 echo\n2001:db8::2 ndp 020000000002\n"
            "asked 16, unknown 0\n");
}

TEST(Discover, TakesABroadcastAddressForNobodys) {
  const auto text =
      OnLink([](const PeerNetwork&) { return Text(Look(Request({"192.0.2.254/31"}))); });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "asked 2, unknown 0\n");
}

TEST(Discover, AsksALinkTooLargeToSweepByMulticast) {
  const auto text = OnLink([](const PeerNetwork&) {
    // The host answers the multicast from one address; of the other one the kernel knows.
    Succeeds("ip -6 neigh add 2001:db8::abcd lladdr 02:00:00:00:00:02 dev here");
    Succeeds("ip -6 neigh add 2001:db8::dead lladdr 02:00:00:00:00:02 dev here");
    DiscoverRequest request;
    request.links = {*Prefix::Parse("2001:db8::/64")};
    request.known = {*IpAddress::Parse("2001:db8::77"), *IpAddress::Parse("2001:db8:5::1")};
    request.wanted = [](const IpAddress& address) {
      return address != *IpAddress::Parse("2001:db8::dead");
    };
    request.may_multicast = [](const Prefix&) { return true; };
    const auto result = Look(request);
    std::string asked;
    for (const auto& range : result->asked) asked += range.ToString() + " ";
    return Text(result) + asked;
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "2001:db8::2 echo 020000000002\n2001:db8::abcd ndp 020000000002\n"
            "asked 3, unknown 0\n"
            "2001:db8::2/128 2001:db8::77/128 2001:db8::abcd/128 ");
}

TEST(Discover, RefusesWhatIsTooLargeAndSaysSo) {
  const auto text = OnLink([](const PeerNetwork&) {
    Succeeds("ip -6 route add 2001:db8:1::/64 via 2001:db8::2");
    auto request = Request({"10.0.0.0/8", "192.0.2.2/32"});
    request.links = {*Prefix::Parse("2001:db8:1::/64"), *Prefix::Parse("2001:db8:2::/120")};
    request.may_multicast = [](const Prefix&) { return true; };
    auto text = Text(Look(request));
    request.ranges.clear();
    request.links = {*Prefix::Parse("2001:db8::/64")};
    request.may_multicast = nullptr;
    return text + Text(Look(request));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(
      text,
      "192.0.2.2 arp 020000000002\n"
      "10.0.0.0/8 holds 16777216 addresses, which is too many to ask one by one (at most 65536); "
      "name smaller ranges\n"
      "2001:db8:1::/64 holds 2^64 addresses, which is too many to ask one by one (at most 65536), "
      "and is not on a link of this machine, where a multicast would find its hosts; look from a "
      "machine on that link, or name smaller ranges\n"
      "2001:db8:2::/120 is to be found on its link, and no link to it can be used (ENETUNREACH)\n"
      "asked 1, unknown 0\nincomplete\n"
      "2001:db8::/64 holds 2^64 addresses, which is too many to ask one by one (at most 65536), "
      "and a multicast to its link is not allowed now, since not all of it may be probed; name "
      "smaller ranges\n"
      "asked 0, unknown 0\nincomplete\n");
}

// Hosts behind a router, each with an address of one host and its own rules there.
std::string BehindRouter(const std::vector<std::string>& rules,
                         const std::function<std::string()>& work) {
  return InNetwork({}, [&]() -> std::string {
    const PeerNetwork router;
    const PeerNetwork host(443);
    std::string failed = MakeLink(router);
    if (failed.empty()) {
      failed = router.Run({"ip link add far type veth peer name host netns " + host.pid(),
                           "echo 1 > /proc/sys/net/ipv4/ip_forward",
                           "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
                           "ip addr add 198.51.100.1/24 dev far",
                           "ip -6 addr add 2001:db8:1::1/64 dev far nodad", "ip link set far up",
                           "ip route add unreachable 198.51.100.19/32",
                           "ip -6 route add unreachable 2001:db8:1::19/128"});
    }
    std::vector<std::string> commands = {"ip link set host up"};
    for (int i = 10; i < 19; ++i) {
      const auto number = std::to_string(i);
      commands.push_back("ip addr add 198.51.100." + number + "/24 dev host");
      commands.push_back("ip -6 addr add 2001:db8:1::" + number + "/64 dev host nodad");
    }
    for (const char* command :
         {"ip route add default via 198.51.100.1", "ip -6 route add default via 2001:db8:1::1",
          "nft 'add table inet t; add chain inet t i { type filter hook input priority 0; }'"}) {
      commands.emplace_back(command);
    }
    commands.push_back(UntilUp("host"));
    for (const auto& rule : rules) commands.push_back("nft 'add rule inet t i " + rule + "'");
    if (failed.empty()) failed = host.Run(commands);
    if (failed.empty()) failed = router.Run({UntilUp("far")});
    if (!failed.empty()) return "failed: " + failed;
    if (!Succeeds("ip route add default via 192.0.2.2")) return "failed: route";
    if (!Succeeds("ip -6 route add default via 2001:db8::2")) return "failed: route";
    if (!Succeeds(UntilUp("here"))) return "the link stays down";
    return work();
  });
}

const std::vector<std::string> kHostRules = {
    "ip daddr 198.51.100.11 icmp type echo-request drop",
    "ip daddr 198.51.100.12 icmp type echo-request drop",
    "ip daddr 198.51.100.12 tcp dport 443 reject with tcp reset",
    "ip daddr 198.51.100.13 icmp type echo-request drop",
    "ip daddr 198.51.100.13 tcp flags syn / syn,ack drop",
    "ip daddr 198.51.100.14 icmp type != timestamp-request drop",
    "ip daddr 198.51.100.14 meta l4proto tcp drop",
    "ip daddr 198.51.100.15 drop",
    "ip daddr 198.51.100.16 icmp type echo-request drop",
    "ip daddr 198.51.100.16 meta l4proto tcp reject with icmp type admin-prohibited",
    "ip6 daddr 2001:db8:1::11 icmpv6 type echo-request drop",
    "ip6 daddr 2001:db8:1::12 icmpv6 type echo-request drop",
    "ip6 daddr 2001:db8:1::12 tcp dport 443 reject with tcp reset",
    "ip6 daddr 2001:db8:1::13 icmpv6 type echo-request drop",
    "ip6 daddr 2001:db8:1::13 tcp flags syn / syn,ack drop",
    "ip6 daddr 2001:db8:1::14 meta l4proto tcp drop",
    "ip6 daddr 2001:db8:1::14 icmpv6 type echo-request drop",
    "ip6 daddr 2001:db8:1::16 icmpv6 type echo-request drop",
    "ip6 daddr 2001:db8:1::16 meta l4proto tcp reject with icmpv6 type admin-prohibited"};

TEST(Discover, FindsHostsBehindARouterByWhatTheyAnswer) {
  const auto text = BehindRouter(kHostRules, [] {
    return Text(
        Look(Request({"198.51.100.10", "198.51.100.11", "198.51.100.12", "198.51.100.13",
                      "198.51.100.14", "198.51.100.15", "198.51.100.16", "198.51.100.19",
                      "2001:db8:1::10", "2001:db8:1::11", "2001:db8:1::12", "2001:db8:1::13",
                      "2001:db8:1::14", "2001:db8:1::16", "2001:db8:1::19"})));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "198.51.100.10 echo\n198.51.100.11 syn-ack\n198.51.100.12 rst\n198.51.100.13 rst\n"
            "198.51.100.14 timestamp\n198.51.100.16 icmp-error\n2001:db8:1::10 echo\n"
            "2001:db8:1::11 syn-ack\n2001:db8:1::12 rst\n2001:db8:1::13 rst\n"
            "2001:db8:1::16 icmp-error\nasked 15, unknown 0\n");
}

TEST(Discover, FindsHostsByConnectionsWithoutPrivilege) {
  const auto text = BehindRouter(kHostRules, [] {
    RateLimiter limiter({1e6, 1e6, 1e6});
    const auto request =
        Request({"198.51.100.11", "198.51.100.12", "198.51.100.15", "2001:db8:1::11"});
    return Text(DiscoverByConnect(request, limiter, {}));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "198.51.100.11 syn-ack no rtt\n198.51.100.12 rst no rtt\n"
            "2001:db8:1::11 syn-ack no rtt\nasked 4, unknown 0\n");
}

TEST(Discover, LeavesUnknownWhatItCouldNotAsk) {
  const auto text = BehindRouter({}, [] {
    Succeeds("ip route add prohibit 203.0.113.0/24");
    Succeeds(
        "nft 'add table inet t; add chain inet t o { type filter hook output priority 0; };"
        " add rule inet t o ip daddr 198.51.100.15 drop'");
    auto request = Request({"203.0.113.1", "198.51.100.10", "198.51.100.11", "198.51.100.15"});
    request.may_probe = [](const IpAddress& address) {
      return address.ToString() != "198.51.100.11";
    };
    const auto result = Look(request);
    std::string unknown = "unknown";
    for (const auto& address : result->unknown) unknown += " " + address.ToString();
    return Text(result) + unknown;
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "198.51.100.10 echo\nasked 4, unknown 3\nEACCES 1\nEPERM 12\n"
            "unknown 198.51.100.11 198.51.100.15 203.0.113.1");
}

TEST(Discover, HoldsTheRateCap) {
  const auto text = OnLink([](const PeerNetwork& neighbour) {
    // More in any second than the cap and its tolerance would be dropped, and counted.
    neighbour.Run(
        {"nft 'add table arp t; add chain arp t i { type filter hook input priority 0; };"
         " add rule arp t i counter; add rule arp t i limit rate over 210/second burst 20"
         " packets counter'"});
    auto request = Request({"192.0.2.0/24"});
    request.tries = 2;
    const auto result = Look(request, 200);
    std::string text = Text(result);
    text += "sent " + std::to_string(result->coverage.probes_sent) + ", again " +
            std::to_string(result->coverage.retransmits);
    const auto failed = neighbour.Run({"nft list table arp t | grep -q 'counter packets 0 '"});
    return text + (failed.empty() ? ", none too early" : ", some too early");
  });
  SKIP_IF_REFUSED(text);
  // Not asked by ARP: this machine's own address and the broadcast address.
  EXPECT_EQ(text,
            "192.0.2.1 echo\n192.0.2.2 arp 020000000002\nasked 256, unknown 0\n"
            "sent 508, again 253, none too early");
}

TEST(Discover, StopsWhenAsked) {
  const auto text = OnLink([](const PeerNetwork&) {
    std::stop_source stop;
    stop.request_stop();
    RateLimiter limiter({1e6, 1e6, 1e6});
    return Text(Discover(Request({"192.0.2.0/29"}), limiter, stop.get_token()));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "asked 8, unknown 8\nincomplete\n");
}

TEST(Discover, DoesNotTrustSilenceAfterItsLinkWentDown) {
  const auto text = OnLink([](const PeerNetwork&) {
    auto request = Request({"192.0.2.8/31"});
    request.tries = 1;
    request.on_progress = [](const ScanProgress& progress) {
      if (progress.probes_sent > 0) Succeeds("ip link set here down");
    };
    return Text(Look(request));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "asked 2, unknown 2\nENETDOWN 1\n");
}

TEST(Discover, SaysWhatToDoWithoutPrivilege) {
  const auto text = InChild([]() -> std::string {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0) return "capabilities stay";
    return Text(Look(Request({"127.0.0.1"})));
  });
  EXPECT_EQ(text,
            "finding hosts needs raw packets, which this process may not send; run it as root, "
            "give the program the right with `setcap cap_net_raw+ep`, or take the hosts for up "
            "without asking (assume_up)");
}

}  // namespace
}  // namespace postern::scanner

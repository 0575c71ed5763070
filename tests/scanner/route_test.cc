#include "scanner/route.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <string>
#include <vector>

#include "scanner/connect_probe.h"
#include "scanner/in_network.h"

namespace postern::scanner {
namespace {

// An on-link network on `here` with a router, and a second link `far` for policy routes.
const std::vector<std::string> kLinks = {
    "ip link add here address 02:00:00:00:00:01 type veth peer name there",
    "ip link add far type veth peer name away",
    "ip addr add 192.0.2.1/24 dev here",
    "ip addr add 192.0.2.11/24 dev here",
    "ip addr add 203.0.113.1/24 dev far",
    "ip -6 addr add 2001:db8::1/64 dev here nodad",
    "ip -6 addr add 2001:db8::11/64 dev here nodad preferred_lft 0",
    "ip -6 addr add 2001:db8:f::1/64 dev far nodad",
    "ip link set here up",
    "ip link set there up",
    "ip link set far up",
    "ip link set away up",
    "ip route add 198.51.100.0/24 via 192.0.2.254",
    "ip -6 route add 2001:db8:1::/64 via 2001:db8::fe"};

std::string Text(const Routes::Answer& answer) {
  if (!answer.route) return ErrnoName(answer.error);
  const auto& route = *answer.route;
  std::string name(IF_NAMESIZE, '\0');
  ::if_indextoname(static_cast<unsigned>(route.interface), name.data());
  return std::string(name.c_str()) + " from " + route.source.ToString() +
         (route.gateway ? " via " + route.gateway->ToString() : "") + (route.local ? " local" : "");
}

// One line for each target.
std::string Lines(const std::vector<const char*>& targets, const char* source = nullptr,
                  const char* interface = nullptr) {
  Routes routes;
  std::string text;
  for (const char* target : targets) {
    const auto from = source == nullptr ? std::nullopt : IpAddress::Parse(source);
    const int index = interface == nullptr ? 0 : static_cast<int>(::if_nametoindex(interface));
    text +=
        std::string(target) + ": " + Text(routes.To(*IpAddress::Parse(target), from, index)) + "\n";
  }
  return text;
}

std::string Text(Neighbour neighbour) {
  switch (neighbour) {
    case Neighbour::kNotAsked:
      return "not asked";
    case Neighbour::kResolving:
      return "resolving";
    case Neighbour::kUsable:
      return "usable";
    case Neighbour::kFailed:
      return "failed";
  }
  return "";
}

std::string Text(const std::optional<LinkAddress>& address) {
  if (!address) return "none";
  std::string text;
  for (const auto byte : *address) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

TEST(Routes, TellWhereEachTargetLeaves) {
  const auto text = InNetwork(kLinks, [] {
    return Lines({"192.0.2.7", "198.51.100.7", "192.0.2.1", "127.0.0.1", "2001:db8::7",
                  "2001:db8:1::7", "2001:db8::1", "::1"});
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.7: here from 192.0.2.1\n"
            "198.51.100.7: here from 192.0.2.1 via 192.0.2.254\n"
            "192.0.2.1: lo from 192.0.2.1 local\n"
            "127.0.0.1: lo from 127.0.0.1 local\n"
            "2001:db8::7: here from 2001:db8::1\n"
            "2001:db8:1::7: here from 2001:db8::1 via 2001:db8::fe\n"
            "2001:db8::1: lo from 2001:db8::1 local\n"
            "::1: lo from ::1 local\n");
}

TEST(Routes, SayWhyThereIsNone) {
  const auto text =
      InNetwork(kLinks + std::vector<std::string>{"ip route add unreachable 198.18.1.0/24",
                                                  "ip route add prohibit 198.18.2.0/24",
                                                  "ip route add blackhole 198.18.3.0/24",
                                                  "ip -6 route add unreachable 2001:db8:a::/64",
                                                  "ip -6 route add prohibit 2001:db8:b::/64",
                                                  "ip -6 route add blackhole 2001:db8:c::/64"},
                [] {
                  return Lines({"198.18.0.1", "198.18.1.1", "198.18.2.1", "198.18.3.1",
                                "192.0.2.255", "224.0.0.1", "2001:db9::1", "2001:db8:a::1",
                                "2001:db8:b::1", "2001:db8:c::1", "ff02::1"});
                });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "198.18.0.1: ENETUNREACH\n198.18.1.1: EHOSTUNREACH\n198.18.2.1: EACCES\n"
            "198.18.3.1: EINVAL\n192.0.2.255: ENETUNREACH\n224.0.0.1: ENETUNREACH\n"
            "2001:db9::1: ENETUNREACH\n2001:db8:a::1: EHOSTUNREACH\n2001:db8:b::1: EACCES\n"
            "2001:db8:c::1: EINVAL\nff02::1: ENETUNREACH\n");
}

TEST(Routes, FollowTheSourceAndTheInterfaceThatWereAskedFor) {
  const auto text = InNetwork(
      kLinks + std::vector<std::string>{"ip rule add from 192.0.2.11 lookup 77",
                                        "ip route add 198.51.100.0/24 dev far table 77",
                                        "ip -6 rule add from 2001:db8::11 lookup 77",
                                        "ip -6 route add 2001:db8:1::/64 dev far table 77"},
      [] {
        return Lines({"198.51.100.7", "192.0.2.7"}, "192.0.2.11") +
               Lines({"2001:db8:1::7", "2001:db8::7"}, "2001:db8::11") +
               Lines({"198.51.100.7"}, nullptr, "here") +
               Lines({"2001:db8:1::7"}, nullptr, "here") +
               Lines({"2001:db8:1::7"}, nullptr, "far") + Lines({"192.0.2.7"}, "192.0.2.99") +
               Lines({"2001:db8::7"}, "2001:db8::99") + Lines({"2001:db8::7"}, "192.0.2.1");
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "198.51.100.7: far from 192.0.2.11\n192.0.2.7: here from 192.0.2.11\n"
            "2001:db8:1::7: far from 2001:db8::11\n2001:db8::7: here from 2001:db8::11\n"
            "198.51.100.7: here from 192.0.2.1 via 192.0.2.254\n"
            "2001:db8:1::7: here from 2001:db8::1 via 2001:db8::fe\n"
            "2001:db8:1::7: ENETUNREACH\n"
            "192.0.2.7: EADDRNOTAVAIL\n2001:db8::7: EADDRNOTAVAIL\n"
            "2001:db8::7: EAFNOSUPPORT\n");
}

TEST(Routes, TellInterfacesApart) {
  const auto text = InNetwork(
      kLinks + std::vector<std::string>{"ip link add single address 02:00:00:00:00:02 type veth "
                                        "peer name other",
                                        "ip link set single up", "ip tuntap add tunnel mode tun"},
      []() -> std::string {
        Routes routes;
        std::string text;
        for (const char* name : {"lo", "here", "single", "tunnel"}) {
          const auto interface = routes.InterfaceAt(static_cast<int>(::if_nametoindex(name)));
          if (!interface) return std::string("no ") + name;
          text += interface->name + (interface->up ? " up" : " down") +
                  (interface->loopback ? " loopback " : " ") + Text(interface->address) + "\n";
        }
        return text + (routes.InterfaceAt(9999) ? "a ghost" : "no interface 9999");
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "lo up loopback none\nhere up 020000000001\nsingle down 020000000002\n"
            "tunnel down none\nno interface 9999");
}

TEST(Routes, KnowNeighboursThatCanBeUsed) {
  const auto text =
      InNetwork(kLinks +
                    std::vector<std::string>{
                        "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:0a dev here",
                        "ip neigh add 192.0.2.3 lladdr 02:00:00:00:00:0b dev here nud stale",
                        "ip neigh add 192.0.2.4 dev here nud failed",
                        "ip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:0c dev here"},
                [] {
                  Routes routes;
                  std::string text;
                  const auto here = static_cast<int>(::if_nametoindex("here"));
                  for (const char* address : {"192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5",
                                              "2001:db8::2", "2001:db8::3"}) {
                    text += Text(routes.NeighbourAt(here, *IpAddress::Parse(address))) + "\n";
                  }
                  text += Text(routes.NeighbourAt(static_cast<int>(::if_nametoindex("far")),
                                                  *IpAddress::Parse("192.0.2.2")));
                  for (const auto family : kFamilies) {
                    const auto all = routes.Neighbours(here, family);
                    text += "\n" + (all ? std::to_string(all->size()) : "unknown");
                  }
                  return text;
                });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "usable\nusable\nfailed\nnot asked\nusable\nnot asked\nnot asked\n2\n1");
}

TEST(Routes, AnswerManyAsOne) {
  const auto text = InNetwork(
      kLinks + std::vector<std::string>{"ip route add prohibit 192.0.2.128/26"},
      []() -> std::string {
        std::vector<IpAddress> targets;
        for (std::uint64_t i = 0; i < 256; ++i) {
          targets.push_back(IpAddress::Parse("192.0.2.0")->Plus(i));
          targets.push_back(IpAddress::Parse("2001:db8::")->Plus(i));
        }
        Routes routes;
        const auto answers = routes.ToEach(targets, IpAddress::Parse("192.0.2.11"), 0);
        if (answers.size() != targets.size()) return "a wrong number of answers";
        for (std::size_t i = 0; i < targets.size(); ++i) {
          const auto alone = Text(routes.To(targets[i], IpAddress::Parse("192.0.2.11"), 0));
          if (Text(answers[i]) != alone) return Text(answers[i]) + " is not " + alone;
        }
        return Text(answers[0]) + ", " + Text(answers[1]) + ", " + Text(answers[300]);
      });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "here from 192.0.2.11, EAFNOSUPPORT, EACCES");
}

TEST(Routes, SeeWhatChangedBetweenTwoQuestions) {
  const auto text = InNetwork(kLinks, []() -> std::string {
    Routes routes;
    const auto target = *IpAddress::Parse("198.51.100.7");
    const auto before = Text(routes.To(target, std::nullopt, 0));
    if (!Succeeds("ip route del 198.51.100.0/24")) return "the route stays";
    return before + ", then " + Text(routes.To(target, std::nullopt, 0));
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "here from 192.0.2.1 via 192.0.2.254, then ENETUNREACH");
}

}  // namespace
}  // namespace postern::scanner

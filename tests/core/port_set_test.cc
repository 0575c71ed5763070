#include "core/port_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "core/top_ports.h"

namespace postern {
namespace {

constexpr auto kTcp = Protocol::kTcp;
constexpr auto kUdp = Protocol::kUdp;
constexpr auto kBareTcp = PortSet::BarePorts::kAreTcp;
constexpr auto kBareError = PortSet::BarePorts::kAreAnError;

std::string Canonical(std::string_view spec, PortSet::BarePorts bare = kBareTcp) {
  const auto set = PortSet::Parse(spec, bare);
  return set ? set->ToString() : "error: " + set.error().message;
}

std::string BadItem(const std::string& item, const std::string& why) {
  return "error: '" + item + "' " + why;
}

TEST(PortSpec, CanonicalText) {
  EXPECT_EQ(Canonical("22"), "tcp/22");
  EXPECT_EQ(Canonical("443,22,23"), "tcp/22-23,443");
  EXPECT_EQ(Canonical("tcp/80-90,85-100"), "tcp/80-100");
  EXPECT_EQ(Canonical("udp/53,123,tcp/22"), "tcp/22,udp/53,123");
  EXPECT_EQ(Canonical(" 22 , udp/53 "), "tcp/22,udp/53");
  EXPECT_EQ(Canonical("all"), "tcp/1-65535");
  EXPECT_EQ(Canonical("1-65535"), "tcp/1-65535");
  EXPECT_EQ(Canonical("top-3"), "tcp/22,80,443");
  EXPECT_EQ(Canonical("udp/53,all,54"), "tcp/1-65535,udp/53-54");
  EXPECT_EQ(Canonical("all,top-5", kBareError), "tcp/1-65535");
}

TEST(PortSpec, ErrorsSayWhatIsWrongAndWhatIsExpected) {
  const std::string not_a_port = "is not a port or range: ports are plain numbers from 1 to 65535";
  for (const std::string item : {"0", "65536", "70000", "-1", "070", "0x16", "22-", "-", "+22",
                                 "yes", "22 23", "1-2-3", "1e3", "99999999999999999999"}) {
    EXPECT_EQ(Canonical(item), BadItem(item, not_a_port));
  }
  EXPECT_EQ(Canonical("90-80"), "error: '90-80' is reversed; did you mean '80-90'?");
  EXPECT_EQ(Canonical(""), "error: a port specification must not have an empty item");
  EXPECT_EQ(Canonical("22,"), "error: a port specification must not have an empty item");
  EXPECT_EQ(Canonical("sctp/22"), "error: 'sctp/22' must start with tcp/ or udp/");
  EXPECT_EQ(Canonical("TCP/22"), "error: 'TCP/22' must start with tcp/ or udp/");
  EXPECT_EQ(Canonical("22", kBareError), "error: '22' has no protocol; write tcp/22 or udp/22");
  const std::string top = "must be top-1 to top-" + std::to_string(TopTcpPorts().size());
  for (const std::string item : {"top-0", "top-", "top-999999", "top-007"}) {
    EXPECT_EQ(Canonical(item), BadItem(item, top));
  }
}

TEST(PortSet, TextRoundTrips) {
  for (const std::string spec : {"tcp/1", "tcp/65535", "udp/1-65535", "tcp/22,80-90,udp/53"}) {
    EXPECT_EQ(Canonical(spec, kBareError), spec);
  }
  EXPECT_EQ(PortSet().ToString(), "");
}

TEST(TopPorts, AreAtLeastAThousandEachOnce) {
  const auto ports = TopTcpPorts();
  EXPECT_GE(ports.size(), 1000U);
  const std::set<std::uint16_t> distinct(ports.begin(), ports.end());
  EXPECT_EQ(distinct.size(), ports.size());
  EXPECT_FALSE(distinct.contains(0));
}

using Model = std::set<ProtocolPort>;

Model ModelOf(const PortSet& set) {
  Model model;
  for (const auto protocol : kProtocols) {
    for (const auto& range : set.ranges(protocol)) {
      for (std::uint32_t port = range.first; port <= range.last; ++port) {
        model.insert({protocol, static_cast<std::uint16_t>(port)});
      }
    }
  }
  return model;
}

// Disjoint, ascending, with gaps between them.
bool IsCanonical(const PortSet& set) {
  for (const auto protocol : kProtocols) {
    const auto& ranges = set.ranges(protocol);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      if (ranges[i].first > ranges[i].last) return false;
      if (i > 0 && ranges[i - 1].last + 1 >= ranges[i].first) return false;
    }
  }
  return true;
}

// Ranges over few ports, at both ends of the port space, so that they often touch and overlap.
class RandomRanges {
 public:
  explicit RandomRanges(unsigned seed) : random_(seed) {}

  Protocol NextProtocol() { return random_() % 2 == 0 ? kTcp : kUdp; }
  PortRange NextRange() {
    const auto base = random_() % 2 == 0 ? 1U : 65535U - 40U;
    const auto a = static_cast<std::uint16_t>(base + random_() % 41);
    const auto b = static_cast<std::uint16_t>(base + random_() % 41);
    return {std::min(a, b), std::max(a, b)};
  }
  PortSet NextSet() {
    PortSet set;
    for (auto i = random_() % 6; i > 0; --i) set.Add(NextProtocol(), NextRange());
    return set;
  }

 private:
  std::mt19937 random_;
};

TEST(PortSet, AddAndRemoveAreThoseOfASet) {
  RandomRanges random(1);
  for (int round = 0; round < 200; ++round) {
    PortSet set;
    Model model;
    for (int step = 0; step < 12; ++step) {
      const auto protocol = random.NextProtocol();
      const auto range = random.NextRange();
      const Model ports = ModelOf(PortSet::Of(protocol, {range}));
      if (step % 3 == 2) {
        set.Remove(protocol, range);
        for (const auto& port : ports) model.erase(port);
      } else {
        set.Add(protocol, range);
        model.insert(ports.begin(), ports.end());
      }
      ASSERT_EQ(ModelOf(set), model) << set.ToString();
      ASSERT_TRUE(IsCanonical(set)) << set.ToString();
    }
  }
}

TEST(PortSet, AlgebraIsThatOfSets) {
  RandomRanges random(2);
  for (int round = 0; round < 500; ++round) {
    const PortSet a = random.NextSet();
    const PortSet b = random.NextSet();
    const Model ma = ModelOf(a);
    const Model mb = ModelOf(b);
    Model both, either = ma, rest = ma;
    either.insert(mb.begin(), mb.end());
    for (const auto& port : mb) rest.erase(port);
    std::set_intersection(ma.begin(), ma.end(), mb.begin(), mb.end(),
                          std::inserter(both, both.end()));
    PortSet sum = a;
    sum.Add(b);
    PortSet difference = a;
    difference.Remove(b);

    ASSERT_EQ(ModelOf(a.Intersection(b)), both) << a.ToString() << " and " << b.ToString();
    ASSERT_EQ(ModelOf(sum), either);
    ASSERT_EQ(ModelOf(difference), rest);
    ASSERT_EQ(a.Intersects(b), !both.empty());
    ASSERT_EQ(a.size(), ma.size());
    ASSERT_EQ(a.empty(), ma.empty());
    ASSERT_TRUE(IsCanonical(a.Intersection(b)) && IsCanonical(sum) && IsCanonical(difference));
    if (!a.empty()) {
      ASSERT_EQ(*PortSet::Parse(a.ToString(), kBareError), a);
    }
  }
}

TEST(PortSet, PositionsVisitEachPortOnceInOrder) {
  RandomRanges random(3);
  for (int round = 0; round < 100; ++round) {
    const PortSet set = random.NextSet();
    const Model model = ModelOf(set);
    std::vector<ProtocolPort> visited;
    for (std::size_t i = 0; i < set.size(); ++i) visited.push_back(set.At(i));
    ASSERT_EQ(visited, std::vector<ProtocolPort>(model.begin(), model.end()));
    for (const auto& port : visited) ASSERT_TRUE(set.Contains(port.protocol, port.port));

    const std::size_t cut = set.size() / 3;
    PortSet joined = set.Slice(0, cut);
    const PortSet rest = set.Slice(cut, set.size());
    ASSERT_EQ(joined.size(), cut);
    ASSERT_FALSE(joined.Intersects(rest));
    joined.Add(rest);
    ASSERT_EQ(joined, set);
  }
}

TEST(PortSet, ContainsOnlyItsPorts) {
  const PortSet set = *PortSet::Parse("tcp/1,22-25,65535,udp/53", kBareError);
  EXPECT_TRUE(set.Contains(kTcp, 1));
  EXPECT_TRUE(set.Contains(kTcp, 25));
  EXPECT_TRUE(set.Contains(kTcp, 65535));
  EXPECT_TRUE(set.Contains(kUdp, 53));
  EXPECT_FALSE(set.Contains(kTcp, 21));
  EXPECT_FALSE(set.Contains(kTcp, 26));
  EXPECT_FALSE(set.Contains(kTcp, 53));
  EXPECT_FALSE(set.Contains(kUdp, 22));
}

}  // namespace
}  // namespace postern

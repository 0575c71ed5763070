// Which packets answer a SYN, and with what verdict.
#include "scanner/syn_reply.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "scanner/packet_bytes.h"

namespace postern::scanner {
namespace {

constexpr PortRange kPorts{61000, 61031};
constexpr std::uint16_t kFrom = 61003;
constexpr std::uint16_t kTo = 443;
constexpr std::uint8_t kSynAck = kTcpSyn | kTcpAck;
constexpr std::uint8_t kRstAck = kTcpRst | kTcpAck;

struct Hosts {
  IpAddress ours;
  IpAddress target;
  IpAddress router;
};

Hosts OfFamily(Family family) {
  if (family == Family::kIpv4) {
    return {Address("192.0.2.1"), Address("198.51.100.7"), Address("203.0.113.1")};
  }
  return {Address("2001:db8::1"), Address("2001:db8:7::7"), Address("2001:db8:9::9")};
}

class SynReplyTest : public testing::TestWithParam<Family> {
 protected:
  std::uint32_t Sequence() const {
    return SequenceOf(key_.Of(kFrom, {hosts_.target, Protocol::kTcp, kTo}));
  }

  // "ENDPOINT STATE REASON (probe from PORT)", or "nothing".
  std::string Read(const Bytes& bytes) const {
    const auto packet = ParsePacket(bytes);
    if (!packet) return "not a packet";
    const auto reply = ReadSynReply(*packet, key_, kPorts);
    if (!reply) return "nothing";
    EXPECT_EQ(reply->ttl, 64);
    return (reply->proven ? "" : "unproven: ") + ToString(reply->endpoint) + " " +
           std::string(ToString(reply->verdict.state)) + " " + ToString(reply->verdict.reason) +
           " (probe from " + std::to_string(reply->probe_port) + ")";
  }
  std::string Tcp(const TcpSegment& segment) const {
    return Read(IpPacket(hosts_.target, hosts_.ours, kProtocolTcp, TcpBytes(segment)));
  }
  std::string Flags(std::uint8_t flags, std::uint32_t acknowledgement) const {
    return Tcp({kTo, kFrom, 99, acknowledgement, flags});
  }

  // The probe as a router would quote it.
  Bytes Quoted(std::uint32_t sequence, std::uint16_t from = kFrom, std::uint16_t to = kTo,
               std::uint8_t protocol = kProtocolTcp) const {
    return IpPacket(hosts_.ours, hosts_.target, protocol,
                    TcpBytes({from, to, sequence, 0, kTcpSyn}));
  }
  std::string Icmp(const IpAddress& from, std::uint8_t type, std::uint8_t code,
                   const Bytes& quoted) const {
    const auto protocol = from.family() == Family::kIpv4 ? kProtocolIcmp : kProtocolIcmp6;
    return Read(IpPacket(from, hosts_.ours, protocol, IcmpBytes(type, code, quoted)));
  }
  // "198.51.100.7 tcp/443 VERDICT (probe from 61003)"
  std::string Is(const std::string& verdict) const {
    return hosts_.target.ToString() + " tcp/443 " + verdict + " (probe from 61003)";
  }
  // An unreachable of the family, whatever its code.
  std::uint8_t Unreachable() const { return GetParam() == Family::kIpv4 ? 3 : 1; }
  std::string Reason() const { return GetParam() == Family::kIpv4 ? "icmp-3-0" : "icmp6-1-0"; }

  const Hosts hosts_ = OfFamily(GetParam());
  const CookieKey key_;
};

TEST_P(SynReplyTest, TakesOnlyTheAcknowledgementOfTheCookieForAnAnswer) {
  const auto expected = Sequence() + 1;
  EXPECT_EQ(Flags(kSynAck, expected), Is("open syn-ack"));
  EXPECT_EQ(Flags(kRstAck, expected), Is("closed rst"));
  for (const auto wrong : {expected - 1, expected + 1, 0U, ~expected}) {
    EXPECT_EQ(Flags(kSynAck, wrong), "nothing");
    EXPECT_EQ(Flags(kRstAck, wrong), "nothing");
  }
  const CookieKey other;
  const auto packet = IpPacket(hosts_.target, hosts_.ours, kProtocolTcp,
                               TcpBytes({kTo, kFrom, 99, expected, kSynAck}));
  EXPECT_FALSE(ReadSynReply(*ParsePacket(packet), other, kPorts));
}

TEST_P(SynReplyTest, ReadsTheFlagsOneByOne) {
  const auto expected = Sequence() + 1;
  EXPECT_EQ(Flags(kSynAck | 0x40, expected), Is("open syn-ack"));   // ECN echo
  EXPECT_EQ(Flags(kSynAck | 0xc8, expected), Is("open syn-ack"));   // all of ECN, and PSH
  EXPECT_EQ(Flags(kTcpSyn, 0), "unproven: " + Is("open syn-ack"));  // simultaneous open
  EXPECT_EQ(Flags(kRstAck | 0x08, expected), Is("closed rst"));     // with PSH
  EXPECT_EQ(Flags(kRstAck | kTcpSyn, expected), Is("closed rst"));  // RST beats SYN
  EXPECT_EQ(Flags(kTcpRst, expected), "nothing");                   // proves nothing
  EXPECT_EQ(Flags(kTcpRst | kTcpSyn, 0), "nothing");
  EXPECT_EQ(Flags(kTcpAck, expected), "nothing");  // stale state
  EXPECT_EQ(Flags(kTcpFin | kTcpAck, expected), "nothing");
  EXPECT_EQ(Flags(0, expected), "nothing");
}

TEST_P(SynReplyTest, WantsEveryPortOfTheAnswerToBeTheProbes) {
  const auto expected = Sequence() + 1;
  EXPECT_EQ(Tcp({kTo + 1, kFrom, 99, expected, kSynAck}), "nothing");
  EXPECT_EQ(Tcp({kTo, kFrom + 1, 99, expected, kRstAck}), "nothing");
  EXPECT_EQ(Tcp({kTo, kPorts.first - 1, 99, 0, kTcpSyn}), "nothing");
  EXPECT_EQ(Tcp({kTo, kPorts.last + 1, 99, 0, kTcpSyn}), "nothing");
  EXPECT_EQ(Read(IpPacket(hosts_.router, hosts_.ours, kProtocolTcp,
                          TcpBytes({kTo, kFrom, 99, expected, kSynAck}))),
            "nothing");
  EXPECT_EQ(Read(IpPacket(hosts_.target, hosts_.ours, kProtocolUdp,
                          {0x01, 0xbb, 0xee, 0x4b, 0, 8, 0, 0})),
            "nothing");
}

// A scan of this machine itself sees its own probes pass by.
TEST_P(SynReplyTest, DoesNotTakeItsOwnProbeForAnAnswer) {
  for (const std::uint16_t to : {std::uint16_t{61020}, kFrom}) {
    const Endpoint self{hosts_.ours, Protocol::kTcp, to};
    const auto sequence = SequenceOf(key_.Of(kFrom, self));
    EXPECT_EQ(Read(IpPacket(hosts_.ours, hosts_.ours, kProtocolTcp,
                            TcpBytes({kFrom, to, sequence, 0, kTcpSyn}))),
              "nothing");
  }
  const Endpoint target{hosts_.target, Protocol::kTcp, 61020};
  const auto sequence = SequenceOf(key_.Of(kFrom, target));
  EXPECT_EQ(Read(IpPacket(hosts_.ours, hosts_.target, kProtocolTcp,
                          TcpBytes({kFrom, 61020, sequence, 0, kTcpSyn}))),
            "nothing");
}

TEST_P(SynReplyTest, TakesAnErrorOnlyIfItsQuoteIsOfAProbe) {
  const auto type = Unreachable();
  const auto quoted = Quoted(Sequence());
  EXPECT_EQ(Icmp(hosts_.router, type, 0, quoted), Is("filtered " + Reason()));
  EXPECT_EQ(Icmp(hosts_.target, type, 0, quoted), Is("filtered " + Reason()));
  const auto header = quoted.size() - 20;
  EXPECT_EQ(Icmp(hosts_.router, type, 0, First(quoted, header + 8)), Is("filtered " + Reason()));
  EXPECT_EQ(Icmp(hosts_.router, type, 0, First(quoted, header + 7)), "nothing");
  EXPECT_EQ(Icmp(hosts_.router, type, 0, {}), "nothing");
  EXPECT_EQ(Icmp(hosts_.router, type, 0, Quoted(Sequence() + 1)), "nothing");
  EXPECT_EQ(Icmp(hosts_.router, type, 0, Quoted(Sequence(), kFrom + 1)), "nothing");
  EXPECT_EQ(Icmp(hosts_.router, type, 0, Quoted(Sequence(), kPorts.last + 1)), "nothing");
  EXPECT_EQ(Icmp(hosts_.router, type, 0, Quoted(Sequence(), kFrom, kTo + 1)), "nothing");
  EXPECT_EQ(Icmp(hosts_.router, type, 0, Quoted(Sequence(), kFrom, kTo, kProtocolUdp)), "nothing");
}

TEST_P(SynReplyTest, DoesNotListenToThisMachineAboutOthers) {
  EXPECT_EQ(Icmp(hosts_.ours, Unreachable(), 1, Quoted(Sequence())), "nothing");
  // About itself it may speak: a reject rule for its own address.
  const Endpoint self{hosts_.ours, Protocol::kTcp, kTo};
  const auto sequence = SequenceOf(key_.Of(kFrom, self));
  const auto quoted = IpPacket(hosts_.ours, hosts_.ours, kProtocolTcp,
                               TcpBytes({kFrom, kTo, sequence, 0, kTcpSyn}));
  EXPECT_EQ(Icmp(hosts_.ours, Unreachable(), 0, quoted),
            hosts_.ours.ToString() + " tcp/443 filtered " + Reason() + " (probe from 61003)");
}

INSTANTIATE_TEST_SUITE_P(SynReply, SynReplyTest, testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(ToString(info.param)); });

// Every type and code: what is not in the list is no verdict, among it source quench, fragmentation
// needed (3/4), redirect, parameter problem, and packet too big (ICMPv6 2).
TEST(SynReply, TakesTheErrorsOfTheTableForFilteredAndNoOthers) {
  for (const auto family : kFamilies) {
    const auto hosts = OfFamily(family);
    const CookieKey key;
    const Endpoint endpoint{hosts.target, Protocol::kTcp, kTo};
    const auto sequence = SequenceOf(key.Of(kFrom, endpoint));
    const auto quoted = IpPacket(hosts.ours, hosts.target, kProtocolTcp,
                                 TcpBytes({kFrom, kTo, sequence, 0, kTcpSyn}));
    const bool v4 = family == Family::kIpv4;
    std::string filtered;
    for (unsigned number = 0; number < 0x10000; ++number) {
      const auto type = static_cast<std::uint8_t>(number >> 8);
      const auto code = static_cast<std::uint8_t>(number);
      const auto bytes = IpPacket(hosts.router, hosts.ours, v4 ? kProtocolIcmp : kProtocolIcmp6,
                                  IcmpBytes(type, code, quoted));
      const auto reply = ReadSynReply(*ParsePacket(bytes), key, kPorts);
      if (!reply) continue;
      EXPECT_EQ(reply->endpoint, endpoint);
      const auto kind = v4 ? Reason::Kind::kIcmp : Reason::Kind::kIcmp6;
      EXPECT_EQ(reply->verdict, (Verdict{PortState::kFiltered, {kind, type, code}}));
      filtered += std::to_string(type) + "/" + std::to_string(code) + " ";
    }
    EXPECT_EQ(filtered, v4 ? "3/0 3/1 3/2 3/3 3/9 3/10 3/13 11/0 11/1 "
                           : "1/0 1/1 1/2 1/3 1/4 1/5 1/6 3/0 3/1 ");
  }
}

}  // namespace
}  // namespace postern::scanner

// Packets taken apart: recorded ones of every kind, and what becomes of them when they are cut.
#include "scanner/packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "scanner/ip_packet.h"
#include "scanner/packet_bytes.h"

namespace postern::scanner {
namespace {

std::string Hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

std::string Text(const IcmpQuote& quote) {
  return quote.source.ToString() + "." + std::to_string(quote.source_port) + " > " +
         quote.destination.ToString() + "." + std::to_string(quote.destination_port) +
         " protocol " + std::to_string(quote.protocol) + " sequence " +
         std::to_string(quote.tcp_sequence);
}

std::string Text(const TcpSegment& segment) {
  return "tcp " + std::to_string(segment.source_port) + " > " +
         std::to_string(segment.destination_port) + " sequence " +
         std::to_string(segment.sequence) + " ack " + std::to_string(segment.acknowledgement) +
         " flags " + Hex({&segment.flags, 1});
}

std::string Text(const UdpDatagram& datagram) {
  return "udp " + std::to_string(datagram.source_port) + " > " +
         std::to_string(datagram.destination_port) + " " + Hex(datagram.payload);
}

std::string Text(const IcmpMessage& message) {
  return "icmp " + std::to_string(message.type) + "/" + std::to_string(message.code) +
         (message.quote ? " about " + Text(*message.quote) : " " + Hex(message.body));
}

// What ParsePacket finds in them, or "nothing".
std::string Parsed(const Bytes& bytes) {
  const auto packet = ParsePacket(bytes);
  if (!packet) return "nothing";
  return packet->source.ToString() + " > " + packet->destination.ToString() + " ttl " +
         std::to_string(packet->ttl) + " " +
         std::visit([](const auto& transport) { return Text(transport); }, packet->transport);
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// clang-format off
const Bytes kIpv4SynAck = {
    0x45, 0x00, 0x00, 0x2c,  // version and header length, service, total length 44
    0x00, 0x00, 0x40, 0x00,  // identification, do not fragment
    0x3f, 0x06, 0xb7, 0xc9,  // time to live 63, TCP, checksum
    192,  0,    2,    2,
    192,  0,    2,    1,
    0x00, 0x50, 0xee, 0x48,  // ports 80 and 61000
    0x01, 0x02, 0x03, 0x04,  // sequence
    0x0a, 0x0b, 0x0c, 0x0d,  // acknowledgement
    0x60, 0x12, 0xfa, 0xf0,  // 24 bytes of header; SYN and ACK; window
    0x00, 0x00, 0x00, 0x00,  // checksum, urgent pointer
    0x02, 0x04, 0x05, 0xb4,  // maximum segment size 1460
};
const char* const kIpv4SynAckText =
    "192.0.2.2 > 192.0.2.1 ttl 63 tcp 80 > 61000 sequence 16909060 ack 168496141 flags 12";

const Bytes kIpv6Reset = {
    0x60, 0x0a, 0xbc, 0xde,  // version, traffic class, flow label
    0x00, 0x14, 0x06, 0x3a,  // payload length 20, TCP, hop limit 58
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    0xff, 0xff, 0xff, 0xfe,  // ports 65535 and 65534
    0x00, 0x00, 0x00, 0x00,  // sequence
    0xff, 0xff, 0xff, 0xff,  // acknowledgement
    0x50, 0x14, 0x00, 0x00,  // 20 bytes of header; RST and ACK; window
    0x00, 0x00, 0x00, 0x00,  // checksum, urgent pointer
};
const char* const kIpv6ResetText =
    "2001:db8::2 > 2001:db8::1 ttl 58 tcp 65535 > 65534 sequence 0 ack 4294967295 flags 14";

const Bytes kIpv4Udp = {
    0x45, 0x00, 0x00, 0x1f,  // total length 31
    0x00, 0x01, 0x00, 0x00,
    0x40, 0x11, 0x00, 0x00,  // time to live 64, UDP
    192,  0,    2,    2,
    192,  0,    2,    1,
    0x00, 0x35, 0x80, 0x00,  // ports 53 and 32768
    0x00, 0x0b, 0x00, 0x00,  // length 11, checksum
    0xaa, 0xbb, 0xcc,
};
const char* const kIpv4UdpText = "192.0.2.2 > 192.0.2.1 ttl 64 udp 53 > 32768 aabbcc";

const Bytes kIpv6Udp = {
    0x60, 0x00, 0x00, 0x00,
    0x00, 0x0a, 0x11, 0x40,  // payload length 10, UDP, hop limit 64
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    0x00, 0x7b, 0x00, 0x7b,  // ports 123 and 123
    0x00, 0x0a, 0x00, 0x00,  // length 10, checksum
    0xaa, 0xbb,
};

// The first 8 bytes of a SYN from 61000 to 443: what RFC 792 makes routers quote.
const Bytes kEightBytes = {0xee, 0x48, 0x01, 0xbb, 0xde, 0xad, 0xbe, 0xef};

const Bytes kQuotedIpv4 = {
    0x45, 0x00, 0x00, 0x3c,  // total length 60, more than is quoted
    0x12, 0x34, 0x40, 0x00,
    0x01, 0x06, 0x00, 0x00,  // time to live 1, TCP
    192,  0,    2,    1,
    198,  51,   100,  7,
};
const Bytes kIpv4Unreachable = Bytes{
    0x45, 0xc0, 0x00, 0x38,  // total length 56
    0x00, 0x00, 0x00, 0x00,
    0xff, 0x01, 0x00, 0x00,  // time to live 255, ICMP
    203,  0,    113,  1,
    192,  0,    2,    1,
    0x03, 0x0d, 0x00, 0x00,  // destination unreachable, administratively prohibited
    0x00, 0x00, 0x00, 0x00,  // unused
} + kQuotedIpv4 + kEightBytes;
const char* const kIpv4UnreachableText =
    "203.0.113.1 > 192.0.2.1 ttl 255 icmp 3/13 about "
    "192.0.2.1.61000 > 198.51.100.7.443 protocol 6 sequence 3735928559";

const Bytes kQuotedIpv6 = {
    0x60, 0x00, 0x00, 0x00,
    0x00, 0x28, 0x06, 0x01,  // payload length 40, TCP, hop limit 1
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    0x20, 0x01, 0x0d, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
};
const Bytes kIpv6Unreachable = Bytes{
    0x60, 0x00, 0x00, 0x00,
    0x00, 0x38, 0x3a, 0x40,  // payload length 56, ICMPv6, hop limit 64
    0x20, 0x01, 0x0d, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
    0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    0x01, 0x04, 0x00, 0x00,  // destination unreachable, port unreachable
    0x00, 0x00, 0x00, 0x00,  // unused
} + kQuotedIpv6 + kEightBytes;
const char* const kIpv6UnreachableText =
    "2001:db8:9::9 > 2001:db8::1 ttl 64 icmp 1/4 about "
    "2001:db8::1.61000 > 2001:db8:7::7.443 protocol 6 sequence 3735928559";

const Bytes kEchoReply = {
    0x45, 0x00, 0x00, 0x1d,  // total length 29
    0x00, 0x00, 0x00, 0x00,
    0x40, 0x01, 0x00, 0x00,
    192,  0,    2,    2,
    192,  0,    2,    1,
    0x00, 0x00, 0x00, 0x00,  // echo reply
    0x12, 0x34, 0x00, 0x01,  // identifier, sequence
    0x78,
};
// clang-format on

TEST(Packet, ReadsEachProtocolOfBothFamilies) {
  EXPECT_EQ(Parsed(kIpv4SynAck), kIpv4SynAckText);
  EXPECT_EQ(Parsed(kIpv6Reset), kIpv6ResetText);
  EXPECT_EQ(Parsed(kIpv4Udp), kIpv4UdpText);
  EXPECT_EQ(Parsed(kIpv6Udp), "2001:db8::2 > 2001:db8::1 ttl 64 udp 123 > 123 aabb");
  EXPECT_EQ(Parsed(kIpv4Unreachable), kIpv4UnreachableText);
  EXPECT_EQ(Parsed(kIpv6Unreachable), kIpv6UnreachableText);
  EXPECT_EQ(Parsed(kEchoReply), "192.0.2.2 > 192.0.2.1 ttl 64 icmp 0/0 1234000178");
}

TEST(Packet, KeepsEveryBitOfTheFlags) {
  auto bytes = kIpv4SynAck;
  bytes[33] = 0xd2;  // congestion bits beside SYN and ACK, RFC 3168
  EXPECT_TRUE(Parsed(bytes).ends_with(" flags d2"));
}

TEST(Packet, StepsOverIpOptions) {
  auto bytes = kIpv4SynAck;
  bytes[0] = 0x4f;  // the longest header
  bytes[3] = 84;
  bytes.insert(bytes.begin() + 20, 40, 0x01);
  EXPECT_EQ(Parsed(bytes), kIpv4SynAckText);
  // Options in the quoted header, too.
  auto quoting = kIpv4Unreachable;
  quoting[28] = 0x46;
  quoting[3] = 60;
  quoting.insert(quoting.begin() + 48, 4, 0x01);
  EXPECT_EQ(Parsed(quoting), kIpv4UnreachableText);
}

TEST(Packet, StepsOverIpv6ExtensionHeaders) {
  const Bytes hop_by_hop = {60, 0, 1, 4, 0, 0, 0, 0};
  const Bytes destination = {43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes routing = {44, 0, 0, 0, 0, 0, 0, 0};
  const Bytes fragment = {6, 0, 0x00, 0x06, 0, 0, 0, 9};  // whole; reserved bits say nothing
  const auto chain = hop_by_hop + destination + routing + fragment;
  const auto with_chain = [&](Bytes bytes, std::ptrdiff_t header) {
    bytes[static_cast<std::size_t>(header) + 6] = 0;
    bytes.insert(bytes.begin() + header + 40, chain.begin(), chain.end());
    bytes[5] = static_cast<std::uint8_t>(bytes[5] + chain.size());
    return bytes;
  };
  EXPECT_EQ(Parsed(with_chain(kIpv6Reset, 0)), kIpv6ResetText);
  EXPECT_EQ(Parsed(with_chain(kIpv6Unreachable, 48)), kIpv6UnreachableText);
}

// RFC 8200, sections 4.2 and 4.4, RFC 791, section 3.1.
TEST(Packet, TakesNothingThatAHostDrops) {
  const auto behind = [](std::uint8_t kind, const Bytes& header) {
    auto bytes = kIpv6Reset;
    bytes[6] = kind;
    bytes[5] = static_cast<std::uint8_t>(bytes[5] + header.size());
    bytes.insert(bytes.begin() + 40, header.begin(), header.end());
    return Parsed(bytes);
  };
  EXPECT_EQ(behind(60, {6, 0, 0x1e, 4, 0, 0, 0, 0}), kIpv6ResetText) << "unknown, to be skipped";
  for (const std::uint8_t option : Bytes{0x5e, 0x9e, 0xde}) {
    EXPECT_EQ(behind(60, {6, 0, option, 4, 0, 0, 0, 0}), "nothing") << int{option};
  }
  EXPECT_EQ(behind(60, {6, 0, 0x1e, 5, 0, 0, 0, 0}), "nothing") << "longer than its header";
  EXPECT_EQ(behind(43, {6, 0, 0, 1, 0, 0, 0, 0}), "nothing") << "segments left";
  EXPECT_EQ(behind(43, {6, 0, 4, 0, 0, 0, 0, 0}), "nothing") << "segment routing";
  EXPECT_EQ(behind(51, {6, 1, 0, 0, 0, 0, 0, 1}), "nothing") << "authenticated by a key";
  EXPECT_EQ(behind(60, {0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0}), "nothing")
      << "hop-by-hop options stand first";
  const auto with_options = [](const Bytes& options) {
    auto bytes = kIpv4SynAck;
    bytes[0] = static_cast<std::uint8_t>(0x45 + options.size() / 4);
    bytes[3] = static_cast<std::uint8_t>(bytes[3] + options.size());
    bytes.insert(bytes.begin() + 20, options.begin(), options.end());
    return Parsed(bytes);
  };
  EXPECT_EQ(with_options({0x94, 4, 0, 0}), kIpv4SynAckText);  // router alert
  EXPECT_EQ(with_options({0x94, 5, 0, 0}), "nothing");        // longer than the header
  EXPECT_EQ(with_options({0x94, 1, 0, 0}), "nothing");        // shorter than itself
  EXPECT_EQ(with_options({0x83, 3, 4, 0}), "nothing");        // a loose source route
  EXPECT_EQ(with_options({0x89, 3, 4, 0}), "nothing");        // a strict one
  EXPECT_EQ(with_options({1, 0, 0x94, 1}), kIpv4SynAckText);  // nothing counts behind the end
}

TEST(Packet, VerifiesChecksumsWhereItIsToldTo) {
  const auto right = scanner::IpPacket({Address("192.0.2.2"), Address("192.0.2.1"), kProtocolTcp},
                                       TcpBytes({80, 61000, 1, 2, kTcpSyn | kTcpAck}));
  const auto right6 =
      scanner::IpPacket({Address("2001:db8::2"), Address("2001:db8::1"), kProtocolTcp},
                        TcpBytes({80, 61000, 1, 2, kTcpSyn | kTcpAck}));
  const auto icmp = scanner::IpPacket({Address("192.0.2.2"), Address("192.0.2.1"), kProtocolIcmp},
                                      Bytes{0, 0, 0, 0, 1, 2, 3, 4});
  for (const auto& packet : {right, right6, icmp}) {
    EXPECT_TRUE(ParsePacket(packet, Checks::kNothing));
    const std::size_t header = packet[0] >> 4 == 4 ? 20 : 40;
    auto wrong = packet;
    wrong.back() ^= 1;
    EXPECT_FALSE(ParsePacket(wrong, Checks::kNothing));
    EXPECT_TRUE(ParsePacket(wrong, Checks::kChecksummed));
    EXPECT_TRUE(ParsePacket(wrong, Checks::kCut));
    const auto cut = First(packet, packet.size() - 1);
    EXPECT_FALSE(ParsePacket(cut, Checks::kChecksummed)) << "shorter than it says";
    if (header == 40) continue;
    auto header_wrong = packet;
    header_wrong[8] ^= 1;
    EXPECT_FALSE(ParsePacket(header_wrong, Checks::kChecksummed));
  }
}

TEST(Packet, GivesUpOnChainsOfExtensionHeadersWithoutEnd) {
  auto bytes = kIpv6Reset;
  bytes[6] = 0;
  constexpr int kHeaders = 30;
  for (int i = 0; i < kHeaders; ++i) {
    const Bytes header = {static_cast<std::uint8_t>(i == 0 ? 6 : 0), 0, 1, 4, 0, 0, 0, 0};
    bytes.insert(bytes.begin() + 40, header.begin(), header.end());
  }
  bytes[4] = 1;
  EXPECT_EQ(Parsed(bytes), "nothing");
}

TEST(Packet, ReadsNoFragmentsButThoseThatAreWhole) {
  auto bytes = kIpv4SynAck;
  for (const Bytes& offset :
       {Bytes{0x20, 0x00}, Bytes{0x20, 0x01}, Bytes{0x00, 0x01}, Bytes{0x1f, 0x00}}) {
    std::copy(offset.begin(), offset.end(), bytes.begin() + 6);
    EXPECT_EQ(Parsed(bytes), "nothing");
  }
  auto later = kIpv6Reset;
  const Bytes fragment = {6, 0, 0x00, 0x08, 0, 0, 0, 9};
  later[5] = 28;
  later[6] = 44;
  later.insert(later.begin() + 40, fragment.begin(), fragment.end());
  EXPECT_EQ(Parsed(later), "nothing");
  later[43] = 0x01;  // more follow
  EXPECT_EQ(Parsed(later), "nothing");
  later[43] = 0x06;
  EXPECT_EQ(Parsed(later), kIpv6ResetText);
  // Of what was sent a first fragment may be quoted.
  auto first = kIpv4Unreachable;
  first[28 + 6] = 0x20;
  EXPECT_EQ(Parsed(first), kIpv4UnreachableText);
  // Nor do quotes of later fragments begin with a transport header.
  auto quoting = kIpv4Unreachable;
  quoting[28 + 7] = 0x01;
  ASSERT_TRUE(ParsePacket(quoting));
  EXPECT_FALSE(std::get<IcmpMessage>(ParsePacket(quoting)->transport).quote);
}

TEST(Packet, LeavesOutWhatTheLinkPadded) {
  EXPECT_EQ(Parsed(kIpv4Udp + Bytes(15, 0)), kIpv4UdpText);
  EXPECT_EQ(Parsed(kEchoReply + Bytes(17, 0)), "192.0.2.2 > 192.0.2.1 ttl 64 icmp 0/0 1234000178");
  EXPECT_EQ(Parsed(kIpv6Udp + Bytes(4, 0)), "2001:db8::2 > 2001:db8::1 ttl 64 udp 123 > 123 aabb");
  // A header that the padding would complete is not whole.
  auto cut = kIpv4SynAck;
  cut[3] = 39;
  EXPECT_EQ(Parsed(cut), "nothing");
  // The datagram's own length may be less than the packet's.
  auto shorter = kIpv4Udp;
  shorter[25] = 9;
  EXPECT_EQ(Parsed(shorter), "192.0.2.2 > 192.0.2.1 ttl 64 udp 53 > 32768 aa");
}

TEST(Packet, RefusesHeadersThatContradictThemselves) {
  const auto with = [](Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes[at] = value;
    return Parsed(bytes);
  };
  EXPECT_EQ(with(kIpv4SynAck, 0, 0x44), "nothing");  // header shorter than 20 bytes
  EXPECT_EQ(with(kIpv4SynAck, 0, 0x4f), "nothing");  // longer than the packet
  EXPECT_EQ(with(kIpv4SynAck, 3, 19), "nothing");    // total length less than the header
  EXPECT_EQ(with(kIpv4SynAck, 0, 0x65), "nothing");  // IPv6, but too short
  EXPECT_EQ(with(kIpv4SynAck, 0, 0x55), "nothing");  // no such version
  EXPECT_EQ(with(kIpv4SynAck, 9, 58), "nothing");    // ICMPv6 over IPv4
  EXPECT_EQ(with(kIpv6Reset, 6, 1), "nothing");      // ICMP over IPv6
  EXPECT_EQ(with(kIpv4SynAck, 9, 132), "nothing");   // SCTP
  EXPECT_EQ(with(kIpv6Reset, 6, 59), "nothing");     // no next header
  EXPECT_EQ(with(kIpv4Udp, 25, 7), "nothing");       // datagram shorter than its header
  EXPECT_EQ(Parsed({}), "nothing");
}

TEST(Packet, TakesEightQuotedBytesForAQuoteAndNoFewer) {
  for (const auto& [bytes, outer] : {std::pair(kIpv4Unreachable, std::size_t{28}),
                                     std::pair(kIpv6Unreachable, std::size_t{48})}) {
    for (auto size = outer; size < bytes.size(); ++size) {
      const auto cut = First(bytes, size);
      const auto packet = ParsePacket(cut);
      ASSERT_TRUE(packet) << size;
      EXPECT_FALSE(std::get<IcmpMessage>(packet->transport).quote) << size;
    }
  }
}

TEST(Packet, QuotesOnlyInErrorsAndOnlyOfTheSameFamily) {
  auto other = kIpv4Unreachable;
  other[20] = 5;  // a redirect is no error
  EXPECT_FALSE(std::get<IcmpMessage>(ParsePacket(other)->transport).quote);
  const auto crossed = IpPacket(Address("203.0.113.1"), Address("192.0.2.1"), kProtocolIcmp,
                                IcmpBytes(3, 1, kQuotedIpv6 + kEightBytes));
  EXPECT_FALSE(std::get<IcmpMessage>(ParsePacket(crossed)->transport).quote);
  auto udp = kIpv4Unreachable;
  udp[28 + 9] = 17;
  EXPECT_TRUE(Parsed(udp).ends_with("61000 > 198.51.100.7.443 protocol 17 sequence 0"));
  auto echo = kIpv4Unreachable;
  echo[28 + 9] = 1;
  EXPECT_TRUE(Parsed(echo).ends_with("192.0.2.1.0 > 198.51.100.7.0 protocol 1 sequence 0"));
}

// As the capture's snapshot length cuts packets, their length fields speaking of the whole.
TEST(Packet, GivesNothingOrTheSameWhereverItIsCut) {
  for (const auto& whole : {kIpv4SynAck, kIpv6Reset, kIpv4Unreachable, kIpv6Unreachable}) {
    const auto text = Parsed(whole);
    const auto up_to = text.substr(0, text.find(" about"));
    bool was_read = false;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto cut = Parsed(First(whole, size));
      EXPECT_TRUE(cut == "nothing" ? !was_read : cut == text || cut.starts_with(up_to)) << size;
      if (cut != "nothing") was_read = true;
    }
  }
  // Of a TCP header the fixed 20 bytes are needed, its options are not.
  EXPECT_EQ(Parsed(First(kIpv4SynAck, 39)), "nothing");
  EXPECT_EQ(Parsed(First(kIpv4SynAck, 40)), kIpv4SynAckText);
  EXPECT_EQ(Parsed(First(kIpv4Udp, 30)), "192.0.2.2 > 192.0.2.1 ttl 64 udp 53 > 32768 aabb");
}

}  // namespace
}  // namespace postern::scanner

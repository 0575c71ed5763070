// ARP and neighbour discovery on the wire.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "scanner/arp.h"
#include "scanner/ndp.h"

namespace postern::scanner {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr LinkAddress kOurs = {2, 0, 0, 0, 0, 1};
constexpr LinkAddress kTheirs = {2, 0, 0, 0, 0, 2};

IpAddress Address(const char* text) { return *IpAddress::Parse(text); }

Bytes WithoutEnd(const Bytes& bytes, std::size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST(Arp, AsksAsRfc826Says) {
  EXPECT_EQ(ArpRequest(kOurs, Address("192.0.2.1"), Address("192.0.2.2")),
            (Bytes{0,   1, 8, 0, 6, 4, 0, 1, 2, 0, 0,   0, 0, 1,
                   192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2}));
}

TEST(Arp, ReadsWholeRepliesOnly) {
  Bytes reply = {0,   1, 8, 0, 6, 4, 0, 2, 2, 0, 0,   0, 0, 2,
                 192, 0, 2, 2, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1};
  const auto read = ParseArpReply(reply);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->address, Address("192.0.2.2"));
  EXPECT_EQ(read->link_address, kTheirs);
  EXPECT_EQ(read->asker, Address("192.0.2.1"));
  for (std::size_t size = 0; size < reply.size(); ++size) {
    EXPECT_FALSE(ParseArpReply(WithoutEnd(reply, size))) << size;
  }
  // Each of these makes it something else.
  for (const std::size_t at : {1, 2, 4, 5, 7}) {
    auto other = reply;
    ++other[at];
    EXPECT_FALSE(ParseArpReply(other)) << at;
  }
}

// What a neighbour says of 2001:db8::2, with these options.
Bytes Advertisement(const Bytes& options, std::uint8_t hop_limit = 255, std::uint8_t type = 136) {
  Bytes packet = {0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(24 + options.size()), 58, hop_limit};
  const auto append = [&](std::span<const std::uint8_t> bytes) {
    packet.insert(packet.end(), bytes.begin(), bytes.end());
  };
  append(Address("2001:db8::2").bytes());
  append(Address("2001:db8::1").bytes());
  append(Bytes{type, 0, 0, 0, 0x60, 0, 0, 0});
  append(Address("2001:db8::2").bytes());
  append(options);
  return packet;
}

std::string Read(const Bytes& bytes) {
  const auto packet = ParsePacket(bytes);
  if (!packet) return "no packet";
  const auto read = ReadAdvertisement(*packet);
  if (!read) return "nothing";
  return read->address.ToString() + (!read->link_address              ? " somewhere"
                                     : *read->link_address == kTheirs ? " there"
                                                                      : " elsewhere");
}

TEST(Ndp, AsksTheGroupOfTheTarget) {
  const auto solicitation =
      NeighbourSolicitation(kOurs, Address("2001:db8::1"), Address("2001:db8::12:3456"));
  EXPECT_EQ(solicitation.group, Address("ff02::1:ff12:3456"));
  EXPECT_EQ(
      solicitation.packet,
      (Bytes{0x60, 0, 0,    0,    0, 32, 58, 255,                                      // IPv6
             0x20, 1, 0x0d, 0xb8, 0, 0,  0,  0,   0, 0, 0, 0, 0,    0,    0,    1,     // from
             0xff, 2, 0,    0,    0, 0,  0,  0,   0, 0, 0, 1, 0xff, 0x12, 0x34, 0x56,  // to
             135,  0, 0xb3, 0x5a, 0, 0,  0,  0,                                        // ICMPv6
             0x20, 1, 0x0d, 0xb8, 0, 0,  0,  0,   0, 0, 0, 0, 0,    0x12, 0x34, 0x56,  // target
             1,    1, 2,    0,    0, 0,  0,  1}));                                     // from here
}

TEST(Ndp, ReadsValidAdvertisementsOnly) {
  const Bytes link = {2, 1, 2, 0, 0, 0, 0, 2};
  const Bytes other_then_link = {14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 2};
  EXPECT_EQ(Read(Advertisement(link)), "2001:db8::2 there");
  EXPECT_EQ(Read(Advertisement(other_then_link)), "2001:db8::2 there");
  EXPECT_EQ(Read(Advertisement({})), "2001:db8::2 somewhere");
  EXPECT_EQ(Read(Advertisement({2, 0, 2, 0, 0, 0, 0, 2})), "nothing");
  EXPECT_EQ(Read(Advertisement({2, 2, 2, 0, 0, 0, 0, 2})), "nothing");
  // Forwarded, so from beyond the link.
  EXPECT_EQ(Read(Advertisement(link, 254)), "nothing");
  EXPECT_EQ(Read(Advertisement(link, 255, 135)), "nothing");
  const auto whole = Advertisement(link);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto text = Read(WithoutEnd(whole, size));
    EXPECT_TRUE(text == "nothing" || text == "no packet" || size == whole.size() - link.size())
        << size << " " << text;
  }
}

}  // namespace
}  // namespace postern::scanner

#include "core/ip_address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>

#include "core/prefix.h"

namespace postern {
namespace {

using namespace std::string_view_literals;

IpAddress Ip(std::string_view text) { return IpAddress::Parse(text).value(); }

TEST(IpAddress, TextIsCanonical) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::", "::"},
      {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
  };
  for (const auto& [text, canonical] : cases) {
    ASSERT_TRUE(IpAddress::Parse(text)) << text;
    EXPECT_EQ(Ip(text).ToString(), canonical);
    EXPECT_EQ(Ip(canonical), Ip(text));
  }
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  const std::string_view refused[] = {
      "",           " 192.0.2.1", "192.0.2",         "192.0.2.256", "192.0.2.01",
      "192.0.2.1.", "0x7f.0.0.1", "127.1",           "2130706433",  "fe80::1%eth0",
      ":::",        "1::2::3",    "1:2:3:4:5:6:7",   "12345::",     "[::1]",
      "::1 ",       "localhost",  "192.0.2.1\0.3"sv, "::1\0"sv,     "192.0.2.1/32",
  };
  for (const auto text : refused) EXPECT_FALSE(IpAddress::Parse(text)) << text;
}

TEST(IpAddress, AMappedAddressStaysIpv6) {
  EXPECT_EQ(Ip("::ffff:192.0.2.1").family(), Family::kIpv6);
  EXPECT_NE(Ip("::ffff:192.0.2.1"), Ip("192.0.2.1"));
}

TEST(IpAddress, BytesAreInNetworkOrder) {
  const std::array<std::uint8_t, 4> bytes = {192, 0, 2, 1};
  const auto four = Ip("192.0.2.1");
  EXPECT_EQ(IpAddress::FromBytes(bytes), four);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), four.bytes().begin(), four.bytes().end()));
  const auto six = Ip("2001:db8::7");
  EXPECT_EQ(six.bytes().size(), 16U);
  EXPECT_EQ(IpAddress::FromBytes(six.bytes()), six);
  EXPECT_FALSE(IpAddress::FromBytes(six.bytes().first(5)));
}

TEST(IpAddress, Loopback) {
  for (const auto* text : {"127.0.0.1", "127.255.255.255", "::1"}) {
    EXPECT_TRUE(Ip(text).IsLoopback()) << text;
  }
  for (const auto* text :
       {"128.0.0.1", "126.255.255.255", "0.0.0.0", "::", "::2", "7f00::", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(Ip(text).IsLoopback()) << text;
  }
}

TEST(IpAddress, PlusCarriesAndWraps) {
  EXPECT_EQ(Ip("192.0.2.255").Plus(1), Ip("192.0.3.0"));
  EXPECT_EQ(Ip("255.255.255.255").Plus(2), Ip("0.0.0.1"));
  EXPECT_EQ(Ip("2001:db8::ffff:ffff:ffff:ffff").Plus(1), Ip("2001:db8:0:1::"));
  EXPECT_EQ(Ip("::1").Plus(0xffff'ffff'ffff'ffff), Ip("0:0:0:1::"));
  EXPECT_EQ(Ip("192.0.2.1").Plus(0), Ip("192.0.2.1"));
}

// Adding at once is adding in turn, also where a byte's sum is large.
TEST(IpAddress, PlusIsAdditive) {
  for (const auto* text :
       {"0.0.0.255", "10.255.254.253", "::ff", "2001:db8::ffff:ffff:ffff:fff0"}) {
    for (const std::uint64_t a : {std::uint64_t{1}, std::uint64_t{255}, std::uint64_t{0xffff'ffff},
                                  std::uint64_t{0xffff'ffff'ffff'ff00}}) {
      EXPECT_EQ(Ip(text).Plus(a).Plus(17), Ip(text).Plus(17).Plus(a)) << text << " " << a;
    }
  }
  EXPECT_EQ(Ip("::ff").Plus(0xffff'ffff'ffff'ffff), Ip("::1:0:0:0:fe"));
}

TEST(IpAddress, MinusUndoesPlus) {
  for (const auto* text : {"192.0.2.255", "10.0.0.0", "2001:db8::ffff:ffff:ffff:fff0"}) {
    for (const std::uint64_t offset : {0U, 1U, 255U, 0x00ff'ffffU}) {
      EXPECT_EQ(Ip(text).Plus(offset).Minus(Ip(text)), offset) << text;
    }
  }
}

TEST(IpAddress, Masked) {
  EXPECT_EQ(Ip("192.0.2.77").Masked(24), Ip("192.0.2.0"));
  EXPECT_EQ(Ip("192.0.2.77").Masked(32), Ip("192.0.2.77"));
  EXPECT_EQ(Ip("192.0.2.77").Masked(0), Ip("0.0.0.0"));
  EXPECT_EQ(Ip("255.255.255.255").Masked(27), Ip("255.255.255.224"));
  EXPECT_EQ(Ip("2001:db8:ffff::1").Masked(33), Ip("2001:db8:8000::"));
}

TEST(IpAddress, OrderIsIpv4FirstThenNumeric) {
  const std::set<IpAddress> set = {Ip("::1"), Ip("10.0.0.1"), Ip("9.0.0.1"), Ip("2001:db8::")};
  const std::vector<IpAddress> expected = {Ip("9.0.0.1"), Ip("10.0.0.1"), Ip("::1"),
                                           Ip("2001:db8::")};
  EXPECT_EQ(std::vector<IpAddress>(set.begin(), set.end()), expected);
  const std::unordered_set<IpAddress> hashed(set.begin(), set.end());
  EXPECT_EQ(hashed.size(), 4U);
}

TEST(Family, Names) {
  for (const auto family : kFamilies) EXPECT_EQ(ParseFamily(ToString(family)), family);
  EXPECT_FALSE(ParseFamily("IPv4"));
}

std::string Parsed(std::string_view text) {
  const auto prefix = Prefix::Parse(text);
  return prefix ? prefix->ToString() : "error: " + prefix.error().message;
}

TEST(Prefix, Parse) {
  EXPECT_EQ(Parsed("192.0.2.0/24"), "192.0.2.0/24");
  EXPECT_EQ(Parsed("192.0.2.1"), "192.0.2.1/32");
  EXPECT_EQ(Parsed("2001:DB8::/32"), "2001:db8::/32");
  EXPECT_EQ(Parsed("::1"), "::1/128");
  EXPECT_EQ(Parsed("0.0.0.0/0"), "0.0.0.0/0");
  EXPECT_EQ(Parsed("192.0.2.1/24"),
            "error: '192.0.2.1/24' has host bits set; the network is 192.0.2.0/24");
  for (const std::string text :
       {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/024", "192.0.2.0/24/1"}) {
    EXPECT_EQ(Parsed(text), "error: prefix length in '" + text + "' must be 0 to 32");
  }
  EXPECT_EQ(Parsed("2001:db8::/129"), "error: prefix length in '2001:db8::/129' must be 0 to 128");
  EXPECT_EQ(Parsed("/24"), "error: '/24' is not an address or CIDR prefix");
  EXPECT_EQ(Parsed("fe80::1%eth0"), "error: 'fe80::1%eth0' is not an address or CIDR prefix");
}

TEST(Prefix, Contains) {
  const auto network = *Prefix::Parse("192.0.2.64/26");
  EXPECT_TRUE(network.Contains(Ip("192.0.2.64")));
  EXPECT_TRUE(network.Contains(Ip("192.0.2.127")));
  EXPECT_FALSE(network.Contains(Ip("192.0.2.63")));
  EXPECT_FALSE(network.Contains(Ip("192.0.2.128")));
  EXPECT_FALSE(Prefix::Parse("0.0.0.0/0")->Contains(Ip("::")));
  EXPECT_TRUE(Prefix::Parse("::/0")->Contains(Ip("2001:db8::1")));
}

TEST(Prefix, SizeSaturates) {
  EXPECT_EQ(Prefix::Parse("192.0.2.1")->size(), 1U);
  EXPECT_EQ(Prefix::Parse("192.0.2.0/24")->size(), 256U);
  EXPECT_EQ(Prefix::Parse("0.0.0.0/0")->size(), 4294967296U);
  EXPECT_EQ(Prefix::Parse("2001:db8::/66")->size(), std::uint64_t{1} << 62);
  EXPECT_EQ(Prefix::Parse("2001:db8::/64")->size(), std::uint64_t{1} << 63);
  EXPECT_EQ(Prefix::Parse("::/0")->size(), std::uint64_t{1} << 63);
}

}  // namespace
}  // namespace postern

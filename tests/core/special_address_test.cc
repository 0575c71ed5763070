#include "core/special_address.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace postern {
namespace {

std::string Why(const char* text) { return WhySpecial(*IpAddress::Parse(text)); }

TEST(SpecialAddressTest, SaysWhatMakesAnAddressSpecial) {
  const std::pair<const char*, const char*> cases[] = {
      {"127.0.0.1", "a loopback address"},
      {"127.9.9.9", "a loopback address"},
      {"0.0.0.0", "an unspecified address"},
      {"0.1.2.3", "an unspecified address"},
      {"169.254.169.254", "a link-local address"},
      {"224.0.0.1", "a multicast address"},
      {"255.255.255.255", "the broadcast address"},
      {"::", "an unspecified address"},
      {"::1", "a loopback address"},
      {"fe80::1", "a link-local address"},
      {"ff02::1", "a multicast address"},
      {"::ffff:127.0.0.1", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"::ffff:192.0.2.1", "an IPv4 address in IPv6 form"},
      {"::127.0.0.1", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"64:ff9b::7f00:1", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"64:ff9b:1::7f00:1", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"64:ff9b:1:7f00:0:100::", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"2002:7f00:1::1", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"2001:0:c000:201::80ff:fffe", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"2001:db8::5efe:127.0.0.1", "an IPv6 form of 127.0.0.1, a loopback address"},
      {"2002:e000:1::", "an IPv6 form of 224.0.0.1, a multicast address"},
  };
  for (const auto& [text, why] : cases) EXPECT_EQ(Why(text), why) << text;
}

TEST(SpecialAddressTest, TheRestIsForTheScopeToSay) {
  for (const auto* text :
       {"192.0.2.1", "10.0.0.1", "198.18.0.1", "240.0.0.1", "128.0.0.1", "2001:db8::1", "fd00::1",
        "64:ff9b::c000:201", "2002:c000:201::1", "64:ff9b:1:c000:2:100::", "2001:db8:7f00:1::1"}) {
    EXPECT_EQ(Why(text), "") << text;
  }
}

}  // namespace
}  // namespace postern

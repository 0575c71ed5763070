#include "core/dns_name.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(DnsNameTest, SpellingsOfOneNameAreOneText) {
  for (const auto* text :
       {"www.example.com", "WWW.Example.COM", "www.example.com.", "Www.eXample.com."}) {
    EXPECT_EQ(*CanonicalDnsName(text), "www.example.com") << text;
  }
  EXPECT_EQ(*CanonicalDnsName("_dmarc.Example.com"), "_dmarc.example.com");
}

TEST(DnsNameTest, OtherLettersBecomeALabels) {
  for (const auto* text : {"b\u00fccher.example", "B\u00dcCHER.example.", "bu\u0308cher.example",
                           "xn--bcher-kva.example", "XN--BCHER-KVA.Example"}) {
    EXPECT_EQ(*CanonicalDnsName(text), "xn--bcher-kva.example") << text;
  }
}

TEST(DnsNameTest, WhatIsNoNameIsRefused) {
  const std::string long_label(64, 'a');
  const std::string long_name(300, 'a');
  for (const std::string& text :
       {std::string(), std::string("."), std::string("a..b"), std::string("a b.example"),
        std::string("192.0.2.1"), long_label + ".example", long_name,
        std::string("www.example.com.."), std::string("\xff\xfe.example"),
        std::string("\u00fc\0x.example", 12)}) {
    EXPECT_FALSE(CanonicalDnsName(text)) << text;
  }
  EXPECT_NE(CanonicalDnsName("\u2028.example").error().message.find("xn--"), std::string::npos);
}

TEST(DnsNameTest, AKeyIsTheNameOrTheTextItself) {
  EXPECT_EQ(DnsNameKey("WWW.example.com."), "www.example.com");
  EXPECT_EQ(DnsNameKey("No Name"), "No Name");
}

}  // namespace
}  // namespace postern

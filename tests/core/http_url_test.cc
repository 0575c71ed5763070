#include "core/http_url.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(HttpUrlTest, TakesItsParts) {
  const auto url = HttpUrl::Parse("https://[2001:db8::1]:8443/a%2Fb?q=1#part");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->host_and_port, "[2001:db8::1]:8443");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->resource, "/a%2Fb?q=1") << "a fragment is never sent";
  EXPECT_EQ(HttpUrl::Parse("http://mail.example")->resource, "/");
}

// Two readers of one URL must not find two hosts in it.
TEST(HttpUrlTest, RefusesAHostThatIsNotPlain) {
  for (const auto* text :
       {"http://169%2E254.169.254/", "http://%E2%91%A0%E2%91%A5%E2%91%A8.254.169.254/",
        "http://a%00b/", "http://a%2Fb/", "http://user@host/", "http://[fe80::1%25eth0]/",
        "http://h\xC3\xB6st/", "http://a;b/", "http://a,b/", "http://[v1.x]/"}) {
    EXPECT_FALSE(HttpUrl::Parse(text)) << text;
  }
}

TEST(AddressOfHostTest, TakesWhatTheResolverTakes) {
  for (const auto* host : {"127.0.0.1", "127.1", "0x7f000001", "0X7F.1", "2130706433", "0177.0.0.1",
                           "017700000001", "127.0.0.1."}) {
    ASSERT_TRUE(AddressOfHost(host)) << host;
    EXPECT_EQ(AddressOfHost(host)->ToString(), "127.0.0.1") << host;
  }
  EXPECT_EQ(AddressOfHost("2001:DB8::1")->ToString(), "2001:db8::1");
  for (const auto* host : {"", ".", "a", "127.0.0.1 ", "127.0.0.1 x", "1.2.3.4.5", "256.0.0.1",
                           "0x1ffffffff", "08.0.0.1", "127.0.0.1.example", "-1"}) {
    EXPECT_FALSE(AddressOfHost(host)) << host;
  }
}

TEST(IsLoopbackHostTest, IsThisMachineAlone) {
  for (const auto* host : {"127.0.0.1", "127.9", "::1", "localhost", "LocalHost.", "a.localhost"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const auto* host : {"192.0.2.1", "localhost.example.com", "127.0.0.1.example.com",
                           "notlocalhost", "0.0.0.0", "2001:db8::1"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

}  // namespace
}  // namespace postern

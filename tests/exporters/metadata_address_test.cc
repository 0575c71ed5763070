#include "exporters/metadata_address.h"

#include <gtest/gtest.h>

namespace postern::exporters {
namespace {

bool IsGuarded(std::string_view text) { return IsLinkLocalOrMetadata(*IpAddress::Parse(text)); }

TEST(MetadataAddressTest, IsWhereCloudsKeepThem) {
  for (const auto* address :
       {"169.254.169.254", "169.254.170.2", "fe80::a9fe:a9fe", "fd00:ec2::254", "fd20:ce::254",
        "fd00:c1::a9fe:a9fe", "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "64:ff9b::168.63.129.16", "192.0.0.192", "fd00:ec2::23",
        "fd00:42::42"}) {
    EXPECT_TRUE(IsGuarded(address)) << address;
  }
}

TEST(MetadataAddressTest, IsAnIpv6AddressThatLeadsThere) {
  for (const auto* address : {
           "::169.254.169.254",                   // compatible
           "::ffff:0:169.254.169.254",            // translated
           "::ffff:192.0.0.192",                  // mapped
           "64:ff9b:1:a9fe:00a9:fe00::",          // NAT64 of local use, /48
           "64:ff9b:1:00a9:00fe:a9fe::",          // /56
           "64:ff9b:1:0:00a9:fea9:fe00::",        // /64
           "64:ff9b:1::169.254.169.254",          // /96
           "2002:a9fe:a9fe::1",                   // 6to4
           "2002:6464:64c8:1:2:3:4:5",            // 6to4 of Alibaba's
           "2001:0:c000:201:0:0:5601:5601",       // Teredo, the client
           "2001:0:a9fe:a9fe::",                  // Teredo, the server
           "2001:db8::5efe:169.254.169.254",      // ISATAP
           "2001:db8::200:5efe:100.100.100.200",  // ISATAP of a global address
       }) {
    EXPECT_TRUE(IsGuarded(address)) << address;
  }
}

TEST(MetadataAddressTest, IsAHostInAnySpelling) {
  for (const auto* host :
       {"169.254.169.254", "2852039166", "0xa9fea9fe", "0XA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376",
        "169.254.43518", "169.0xfea9fe", "169.254.169.254.", "fd00:ec2::254", "::ffff:a9fe:a9fe",
        "metadata.google.internal", "Metadata.Google.Internal.", "instance-data"}) {
    EXPECT_TRUE(IsLinkLocalOrMetadataHost(host)) << host;
  }
  for (const auto* host : {"127.1", "2130706433", "alertmanager.example.com", "0xa9fea9fe.example",
                           "metadata.example.com", "localhost", "", "."}) {
    EXPECT_FALSE(IsLinkLocalOrMetadataHost(host)) << host;
  }
}

TEST(MetadataAddressTest, IsNoneOfItsNeighbours) {
  for (const auto* address :
       {"127.0.0.1", "10.0.0.1", "100.100.100.201", "168.63.129.17", "fd00::1", "fd00:ec2::253",
        "64:ff9b::7f00:1", "::ffff:192.0.2.1", "::1", "::", "2002:c000:201::1",
        "64:ff9b:1::192.0.2.1", "2001:0:c000:201:0:0:3fff:fdfe", "2001:db8::5efe:192.0.2.1",
        "2001:db8::a9fe:a9fe", "192.0.0.191"}) {
    EXPECT_FALSE(IsGuarded(address)) << address;
  }
}

}  // namespace
}  // namespace postern::exporters

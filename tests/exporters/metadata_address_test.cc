#include "exporters/metadata_address.h"

#include <gtest/gtest.h>

namespace postern::exporters {
namespace {

bool IsGuarded(std::string_view text) { return IsLinkLocalOrMetadata(*IpAddress::Parse(text)); }

TEST(MetadataAddressTest, IsWhereCloudsKeepThem) {
  for (const auto* address :
       {"169.254.169.254", "169.254.170.2", "fe80::a9fe:a9fe", "fd00:ec2::254", "fd20:ce::254",
        "fd00:c1::a9fe:a9fe", "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe", "64:ff9b::168.63.129.16"}) {
    EXPECT_TRUE(IsGuarded(address)) << address;
  }
}

TEST(MetadataAddressTest, IsNoneOfItsNeighbours) {
  for (const auto* address :
       {"127.0.0.1", "10.0.0.1", "100.100.100.201", "168.63.129.17", "fd00::1", "fd00:ec2::253",
        "64:ff9b::7f00:1", "::ffff:192.0.2.1", "::1"}) {
    EXPECT_FALSE(IsGuarded(address)) << address;
  }
}

}  // namespace
}  // namespace postern::exporters

#include "scanner/udp_verdict.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::scanner {
namespace {

// "closed icmp-3-3", or nothing.
std::string VerdictOf(QueuedError::Origin origin, int type, int code, const char* offender) {
  const bool v4 = origin == QueuedError::Origin::kIcmp;
  QueuedError error;
  error.origin = origin;
  error.type = static_cast<std::uint8_t>(type);
  error.code = static_cast<std::uint8_t>(code);
  error.offender = IpAddress::Parse(offender);
  const auto verdict = UdpVerdict(error, *IpAddress::Parse(v4 ? "192.0.2.2" : "2001:db8::2"));
  if (!verdict) return "";
  return std::string(ToString(verdict->state)) + " " + ToString(verdict->reason);
}

std::string Icmp(int type, int code, const char* offender) {
  return VerdictOf(QueuedError::Origin::kIcmp, type, code, offender);
}
std::string Icmp6(int type, int code, const char* offender) {
  return VerdictOf(QueuedError::Origin::kIcmp6, type, code, offender);
}

TEST(UdpVerdict, FollowsTheTableForIcmp) {
  EXPECT_EQ(Icmp(3, 3, "192.0.2.2"), "closed icmp-3-3");
  EXPECT_EQ(Icmp(3, 3, "192.0.2.254"), "filtered icmp-3-3");
  for (const int code : {0, 1, 2, 9, 10, 13}) {
    const auto filtered = "filtered icmp-3-" + std::to_string(code);
    EXPECT_EQ(Icmp(3, code, "192.0.2.2"), filtered);
    EXPECT_EQ(Icmp(3, code, "192.0.2.254"), filtered);
  }
  EXPECT_EQ(Icmp(11, 0, "192.0.2.254"), "filtered icmp-11-0");
  EXPECT_EQ(Icmp(11, 1, "192.0.2.2"), "filtered icmp-11-1");
  for (const int code : {4, 5, 6, 11, 12, 14, 255}) EXPECT_EQ(Icmp(3, code, "192.0.2.2"), "");
  for (const int type : {0, 4, 5, 8, 12}) EXPECT_EQ(Icmp(type, 0, "192.0.2.2"), "");
}

TEST(UdpVerdict, FollowsTheTableForIcmp6) {
  EXPECT_EQ(Icmp6(1, 4, "2001:db8::2"), "closed icmp6-1-4");
  EXPECT_EQ(Icmp6(1, 4, "2001:db8::fe"), "filtered icmp6-1-4");
  for (const int code : {0, 1, 2, 3, 5, 6}) {
    EXPECT_EQ(Icmp6(1, code, "2001:db8::2"), "filtered icmp6-1-" + std::to_string(code));
  }
  EXPECT_EQ(Icmp6(3, 0, "2001:db8::fe"), "filtered icmp6-3-0");
  EXPECT_EQ(Icmp6(3, 1, "2001:db8::fe"), "filtered icmp6-3-1");
  EXPECT_EQ(Icmp6(1, 7, "2001:db8::2"), "");
  EXPECT_EQ(Icmp6(2, 0, "2001:db8::fe"), "");
  EXPECT_EQ(Icmp6(4, 0, "2001:db8::2"), "");
}

TEST(UdpVerdict, TakesNothingFromThisMachineItself) {
  EXPECT_EQ(VerdictOf(QueuedError::Origin::kLocal, 3, 3, "192.0.2.2"), "");
}

}  // namespace
}  // namespace postern::scanner

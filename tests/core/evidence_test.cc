#include "core/evidence.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

Exchange Asked(const char* address, Protocol protocol, std::vector<PortRange> ports) {
  Exchange exchange;
  exchange.address = *IpAddress::Parse(address);
  exchange.protocol = protocol;
  for (const auto& range : ports) exchange.answers.Append(range, {});
  return exchange;
}

TEST(NmapCommandTest, AsksTheSamePortsByTheSameMethod) {
  EXPECT_EQ(NmapCommand(Asked("192.0.2.1", Protocol::kTcp, {{22, 22}, {80, 81}}), 200),
            "nmap -sT -Pn -n --reason --max-rate 200 -p 22,80-81 192.0.2.1");
  EXPECT_EQ(NmapCommand(Asked("2001:db8::1", Protocol::kUdp, {{53, 53}}), 0.5),
            "nmap -6 -sU -Pn -n --reason --max-rate 1 -p 53 2001:db8::1");
  EXPECT_EQ(NmapCommand(Asked("192.0.2.1", Protocol::kTcp, {}), 200), "");
}

}  // namespace
}  // namespace postern

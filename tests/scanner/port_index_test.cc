#include "scanner/port_index.h"

#include <gtest/gtest.h>

namespace postern::scanner {
namespace {

TEST(PortIndex, AgreesWithTheSetBothWays) {
  const auto ports =
      *PortSet::Parse("tcp/1,5-9,65535,udp/5,53-60", PortSet::BarePorts::kAreAnError);
  const PortIndex index(ports);
  ASSERT_EQ(index.size(), ports.size());
  for (std::size_t i = 0; i < ports.size(); ++i) {
    EXPECT_EQ(index.At(i), ports.At(i));
    EXPECT_EQ(index.PositionOf(ports.At(i)), i);
  }
}

TEST(PortIndex, KnowsWhatIsNotInIt) {
  const PortIndex index(*PortSet::Parse("tcp/5-9,udp/53", PortSet::BarePorts::kAreAnError));
  for (const ProtocolPort port : {ProtocolPort{Protocol::kTcp, 4},
                                  {Protocol::kTcp, 10},
                                  {Protocol::kTcp, 53},
                                  {Protocol::kUdp, 5},
                                  {Protocol::kUdp, 54},
                                  {Protocol::kUdp, 65535}}) {
    EXPECT_EQ(index.PositionOf(port), std::nullopt) << ToString(port.protocol) << port.port;
  }
}

}  // namespace
}  // namespace postern::scanner

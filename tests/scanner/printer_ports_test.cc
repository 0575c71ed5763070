#include "scanner/printer_ports.h"

#include <gtest/gtest.h>

namespace postern::scanner {
namespace {

std::string Asked(std::string_view spec) {
  const auto ports = *PortSet::Parse(spec, PortSet::BarePorts::kAreTcp);
  return WithoutPrinterPorts(ports, PortsNamedOneByOne(spec)).ToString();
}

TEST(PrinterPorts, AreLeftOutOfRanges) {
  EXPECT_EQ(Asked("all"), "tcp/1-9099,9108-65535");
  EXPECT_EQ(Asked("9099-9101,9107-9108"), "tcp/9099,9108");
  EXPECT_FALSE(PortSet::Parse(Asked("top-1000"), PortSet::BarePorts::kAreAnError)
                   ->Contains(Protocol::kTcp, 9100));
}

TEST(PrinterPorts, StayWhereTheyAreNamedOneByOne) {
  EXPECT_EQ(Asked("9100"), "tcp/9100");
  EXPECT_EQ(Asked("all, tcp/22 , 9103"), "tcp/1-9099,9103,9108-65535");
}

TEST(PrinterPorts, ANameOfTheOtherProtocolDoesNotCount) {
  EXPECT_EQ(Asked("tcp/9100-9107,udp/53,9100"), "udp/53,9100");
  EXPECT_EQ(PortsNamedOneByOne("udp/1-9,53,tcp/22,all,top-5,80-90").ToString(), "tcp/22,udp/53");
}

}  // namespace
}  // namespace postern::scanner

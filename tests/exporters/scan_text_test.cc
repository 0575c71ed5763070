#include "exporters/scan_text.h"

#include <gtest/gtest.h>

#include "exporters/scan_sample.h"

namespace postern::exporters {
namespace {

const Verdict kOpen{PortState::kOpen, {Reason::Kind::kSynAck}};
const Verdict kClosed{PortState::kClosed, {Reason::Kind::kReset}};
const Verdict kSilent{PortState::kFiltered, {Reason::Kind::kNoResponse}};
const Verdict kRejected{PortState::kFiltered, {Reason::Kind::kIcmp, 3, 13}};

// The text of one host, without the last line.
std::string HostText(const PortStates& tcp) {
  ScanReport report;
  report.snapshot.addresses = {{*IpAddress::Parse("192.0.2.1"), {tcp, {}}}};
  const std::string text = FormatScanText(report);
  return text.substr(0, text.rfind('\n', text.size() - 2) + 1);
}

TEST(ScanText, ShowsWhatDiffersWhatWasLeftOutAndWhatIsUnknown) {
  EXPECT_EQ(FormatScanText(SampleReport()), R"(web-1.example.com (192.0.2.10)
PORT         STATE          REASON
22/tcp       open           syn-ack
23/tcp       open           syn-ack
100-101/tcp  filtered       icmp-3-13
443/tcp      open           syn-ack
53/udp       open           udp-response
123/udp      open_filtered  no-response
Not shown: 97 closed (rst)
Unknown: 3 ports without a verdict (not-probed): tcp/500-502

192.0.2.20 to 192.0.2.21 (2 addresses alike)
Not shown: 1000 filtered (no-response)

2001:db8::1
Unknown: 1 port without a verdict (local-error): tcp/22

2108 endpoints of 4 addresses, 4 open, in 6.9 s; 6123 probes, 4005 retransmits, estimated loss 0.21 %, miss probability 9.3e-09, 1 send error ENETUNREACH; incomplete, 4 endpoints unknown, not resolved: gone.example.com
)");
}

TEST(ScanText, ListsEveryPortOfAShortQuestion) {
  PortStates tcp;
  tcp.Append({22, 22}, kOpen);
  tcp.Append({80, 81}, kClosed);
  EXPECT_EQ(HostText(tcp), R"(192.0.2.1
PORT       STATE   REASON
22/tcp     open    syn-ack
80-81/tcp  closed  rst

)");
}

TEST(ScanText, NamesEveryReasonOfAStateThatIsNotShown) {
  PortStates tcp;
  tcp.Append({1, 990}, kSilent);
  tcp.Append({991, 1000}, kRejected);
  EXPECT_EQ(HostText(tcp),
            "192.0.2.1\nNot shown: 1000 filtered (990 no-response, 10 icmp-3-13)\n\n");
}

TEST(ScanText, SumsUpAStateThatIsScatteredOverTheWholeHost) {
  PortStates tcp;
  for (std::uint16_t port = 2; port <= 1000; port = static_cast<std::uint16_t>(port + 2)) {
    tcp.Append({static_cast<std::uint16_t>(port - 1), static_cast<std::uint16_t>(port - 1)},
               kSilent);
    tcp.Append({port, port}, kClosed);
  }
  EXPECT_EQ(HostText(tcp),
            "192.0.2.1\nNot shown: 500 closed (rst), 500 filtered (no-response)\n\n");
}

TEST(ScanText, ShowsAHostWithEverythingOpenInOneLine) {
  PortStates tcp;
  tcp.Append({1, 65535}, kOpen);
  EXPECT_EQ(HostText(tcp), R"(192.0.2.1
PORT         STATE  REASON
1-65535/tcp  open   syn-ack

)");
}

TEST(ScanText, CutsALongListOfUnknownPorts) {
  PortStates tcp;
  for (std::uint16_t port = 10000; port < 10100; port = static_cast<std::uint16_t>(port + 2)) {
    tcp.Append({port, port}, {PortState::kUnknown, {Reason::Kind::kLocalError}});
  }
  EXPECT_EQ(HostText(tcp),
            "192.0.2.1\nUnknown: 50 ports without a verdict (local-error): "
            "tcp/10000,10002,10004,10006,10008,10010,10012,10014,10016,10018,10020,10022,10024,"
            "10026,10028,10030,...\n\n");
}

TEST(ScanText, SaysThatACompleteScanIsComplete) {
  ScanReport report;
  report.snapshot.coverage.complete = true;
  EXPECT_EQ(FormatScanText(report),
            "0 endpoints of 0 addresses, 0 open, in 0 s; 0 probes, 0 retransmits, estimated loss 0 "
            "%; complete\n");
}

}  // namespace
}  // namespace postern::exporters

// The packets of real exchanges over the loopback.
#include "scanner/packet_log.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "scanner/connect_scan.h"
#include "scanner/listener.h"
#include "scanner/packet.h"
#include "scanner/syn_scan.h"

namespace postern::scanner {
namespace {

// The flags of the TCP segments, in order, as libpcap reads them from the file.
std::vector<int> FlagsIn(const std::vector<std::uint8_t>& pcap) {
  const auto path =
      std::filesystem::temp_directory_path() / ("packet-log-" + std::to_string(getpid()) + ".pcap");
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(pcap.data()), std::ssize(pcap));
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* file = pcap_open_offline(path.c_str(), error.data());
  EXPECT_NE(file, nullptr) << error.data();
  std::vector<int> flags;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  while (file != nullptr && pcap_next_ex(file, &header, &bytes) == 1) {
    const auto packet = ParsePacket(std::span(bytes, header->caplen).subspan(16));
    if (packet) flags.push_back(std::get<TcpSegment>(packet->transport).flags);
  }
  if (file != nullptr) pcap_close(file);
  std::filesystem::remove(path);
  return flags;
}

TEST(PacketLogTest, KeepsTheHandshakeOfEachEndpointAlone) {
  if (!MaySendRaw()) GTEST_SKIP() << "needs CAP_NET_RAW";
  const auto loopback = *IpAddress::Parse("127.0.0.1");
  const Listener listener(AF_INET);
  const std::uint16_t closed = Listener(AF_INET).port();
  const std::vector<PacketLog::Subject> subjects = {{loopback, Protocol::kTcp, {listener.port()}},
                                                    {loopback, Protocol::kTcp, {closed}}};
  PacketLog log(subjects);
  ScanRequest request;
  PortSet ports;
  ports.Add(Protocol::kTcp, {listener.port(), listener.port()});
  ports.Add(Protocol::kTcp, {closed, closed});
  request.plan.Add({Prefix(loopback, 32)}, ports);
  RateLimiter limiter({1000, 1000, 1000});
  ConnectScan(request, limiter, {});

  const auto packets = log.Take();
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].interface, "lo");
  EXPECT_EQ(packets[0].source, loopback);
  const auto open = FlagsIn(packets[0].pcap);
  ASSERT_GE(open.size(), 3U) << packets[0].told;
  EXPECT_EQ(open[0] & (kTcpSyn | kTcpAck), kTcpSyn);
  EXPECT_EQ(open[1] & (kTcpSyn | kTcpAck), kTcpSyn | kTcpAck);
  const auto refused = FlagsIn(packets[1].pcap);
  ASSERT_EQ(refused.size(), 2U) << packets[1].told;
  EXPECT_EQ(packets[1].told, "2 packets");
  EXPECT_EQ(refused[1] & kTcpRst, kTcpRst);
}

TEST(PacketLogTest, KeepsTheFirstPacketsOfAFlood) {
  if (!MaySendRaw()) GTEST_SKIP() << "needs CAP_NET_RAW";
  const auto loopback = *IpAddress::Parse("127.0.0.1");
  const std::uint16_t closed = Listener(AF_INET).port();
  const std::vector<PacketLog::Subject> subjects = {{loopback, Protocol::kTcp, {closed}}};
  PacketLog log(subjects);
  ScanRequest request;
  request.plan.Add({Prefix(loopback, 32)}, PortSet::Of(Protocol::kTcp, {{closed, closed}}));
  RateLimiter limiter({1000, 1000, 1000});
  for (int i = 0; i < 40; ++i) ConnectScan(request, limiter, {});
  const auto packets = log.Take();
  EXPECT_EQ(packets[0].told, "64 packets, the first of more");
  EXPECT_EQ(FlagsIn(packets[0].pcap).size(), kLoggedPackets);
}

}  // namespace
}  // namespace postern::scanner

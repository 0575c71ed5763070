// The SYN on the wire, byte by byte, and beside the kernel's own.
#include "scanner/syn_packet.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <string>

#include "scanner/capture.h"
#include "scanner/in_network.h"
#include "scanner/packet_bytes.h"

namespace postern::scanner {
namespace {

Bytes Written(const SynProbe& probe) {
  Bytes bytes(kLongestSyn);
  bytes.resize(WriteSyn(probe, bytes));
  return bytes;
}

SynProbe ProbeBetween(const char* from, const char* to) {
  return {Address(from), Address(to), 61000, 443, 0xa1b2c3d4, 0x01020304};
}

// RFC 1071 in the words of its receiver: all 16-bit words, the checksum among them, sum up to a
// multiple of 0xffff.
bool Verifies(const Bytes& words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < words.size(); ++i) sum += words[i] * (i % 2 == 0 ? 256U : 1U);
  return sum != 0 && sum % 0xffff == 0;
}

bool TcpVerifies(const Bytes& packet, std::size_t addresses, std::size_t header) {
  Bytes words(packet.begin() + static_cast<std::ptrdiff_t>(addresses), packet.end());
  const Bytes rest = {0, 6, 0, static_cast<std::uint8_t>(packet.size() - header)};
  words.insert(words.end(), rest.begin(), rest.end());
  return Verifies(words);
}

TEST(SynPacket, IsOverIpv4WhatLinuxSends) {
  // clang-format off
  const Bytes expected = {
      0x45, 0x00, 0x00, 0x3c,  // header of 20 bytes; total length 60
      0xb2, 0xc3, 0x40, 0x00,  // identification, do not fragment
      0x40, 0x06, 0x9b, 0xbc,  // time to live 64, TCP, checksum
      192,  0,    2,    1,
      198,  51,   100,  7,
      0xee, 0x48, 0x01, 0xbb,  // ports 61000 and 443
      0xa1, 0xb2, 0xc3, 0xd4,  // sequence
      0x00, 0x00, 0x00, 0x00,
      0xa0, 0x02, 0xfa, 0xf0,  // header of 40 bytes, SYN, window 64240
      0x07, 0x42, 0x00, 0x00,  // checksum
      0x02, 0x04, 0x05, 0xb4,  // maximum segment size 1460
      0x04, 0x02, 0x08, 0x0a,  // selective acknowledgements; timestamps
      0x01, 0x02, 0x03, 0x04,
      0x00, 0x00, 0x00, 0x00,
      0x01, 0x03, 0x03, 0x07,  // window scale 7
  };
  // clang-format on
  const auto packet = Written(ProbeBetween("192.0.2.1", "198.51.100.7"));
  EXPECT_EQ(packet, expected);
  EXPECT_TRUE(Verifies(First(packet, 20)));
  EXPECT_TRUE(TcpVerifies(packet, 12, 20));
}

TEST(SynPacket, IsOverIpv6WhatLinuxSends) {
  // clang-format off
  const Bytes expected = {
      0x60, 0x02, 0x03, 0x04,  // flow label
      0x00, 0x28, 0x06, 0x40,  // payload length 40, TCP, hop limit 64
      0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
      0x20, 0x01, 0x0d, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
      0xee, 0x48, 0x01, 0xbb,  // ports 61000 and 443
      0xa1, 0xb2, 0xc3, 0xd4,  // sequence
      0x00, 0x00, 0x00, 0x00,
      0xa0, 0x02, 0xfd, 0x20,  // header of 40 bytes, SYN, window 64800
      0x95, 0xe1, 0x00, 0x00,  // checksum
      0x02, 0x04, 0x05, 0xa0,  // maximum segment size 1440
      0x04, 0x02, 0x08, 0x0a,  // selective acknowledgements; timestamps
      0x01, 0x02, 0x03, 0x04,
      0x00, 0x00, 0x00, 0x00,
      0x01, 0x03, 0x03, 0x07,  // window scale 7
  };
  // clang-format on
  const auto packet = Written(ProbeBetween("2001:db8::1", "2001:db8:7::7"));
  EXPECT_EQ(packet, expected);
  EXPECT_TRUE(TcpVerifies(packet, 8, 40));
}

TEST(SynPacket, HasTheRightChecksumsWhateverIsInIt) {
  for (std::uint32_t i = 0; i < 20000; ++i) {
    const auto number = i * 0x9e3779b1;
    SynProbe probe = ProbeBetween("0.0.0.0", "255.255.255.255");
    probe.sequence = number;
    probe.timestamp = ~number * 3;
    probe.source_port = static_cast<std::uint16_t>(number >> 5);
    probe.destination_port = static_cast<std::uint16_t>(number >> 11);
    const auto v4 = Written(probe);
    ASSERT_TRUE(Verifies(First(v4, 20)) && TcpVerifies(v4, 12, 20)) << i;
    probe.source = Address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    probe.destination = Address("::1").Plus(number);
    ASSERT_TRUE(TcpVerifies(Written(probe), 8, 40)) << i;
  }
}

// What the kernel sends through `here` when it is asked for a connection to port 443; empty if
// nothing within some seconds.
Bytes KernelsSyn(const IpAddress& target) {
  auto capture = Capture::Open("tcp dst port 443 or (ip6[6] == 6 and ip6[42:2] == 443)",
                               Capture::Direction::kBoth);
  if (!capture) return {};
  const bool v4 = target.family() == Family::kIpv4;
  sockaddr_in6 address{};
  socklen_t size = sizeof(address);
  address.sin6_port = htons(443);  // at the same place in both families
  if (v4) {
    size = sizeof(sockaddr_in);
    std::memcpy(&reinterpret_cast<sockaddr_in*>(&address)->sin_addr, target.bytes().data(), 4);
  } else {
    std::memcpy(&address.sin6_addr, target.bytes().data(), 16);
  }
  address.sin6_family = v4 ? AF_INET : AF_INET6;
  const int socket = ::socket(address.sin6_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  EXPECT_NE(::connect(socket, reinterpret_cast<const sockaddr*>(&address), size), 0);
  Bytes bytes;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (bytes.empty() && std::chrono::steady_clock::now() < deadline) {
    capture->DrainFrames(1, [&](const Capture::Frame& frame) {
      bytes.assign(frame.packet.begin(), frame.packet.end());
    });
  }
  ::close(socket);
  return bytes;
}

// "the same", or where our SYN with the same numbers in it differs.
std::string CompareWithKernels(const IpAddress& source, const IpAddress& target) {
  auto kernels = KernelsSyn(target);
  const auto packet = ParsePacket(kernels);
  if (!packet || !std::holds_alternative<TcpSegment>(packet->transport)) return "none captured";
  const auto& segment = std::get<TcpSegment>(packet->transport);
  const bool v4 = target.family() == Family::kIpv4;
  const std::size_t tcp = v4 ? 20 : 40;
  if (kernels.size() != tcp + 40) return "another size";
  std::uint32_t timestamp = 0;
  for (std::size_t i = 28; i < 32; ++i) timestamp = timestamp << 8 | kernels[tcp + i];
  auto ours = Written({source, target, segment.source_port, 443, segment.sequence, timestamp});
  // Numbers that are anyone's choice, and checksums, which the kernel leaves to the device.
  const auto ignore = [&](std::size_t at, std::size_t count) {
    std::fill_n(ours.begin() + static_cast<std::ptrdiff_t>(at), count, std::uint8_t{0});
    std::fill_n(kernels.begin() + static_cast<std::ptrdiff_t>(at), count, std::uint8_t{0});
  };
  if (v4) {
    ignore(4, 2);
    ignore(10, 2);
  } else {
    ignore(1, 3);
  }
  ignore(tcp + 16, 2);
  std::string text;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (ours[i] != kernels[i]) {
      text += "byte " + std::to_string(i) + ": " + std::to_string(ours[i]) + ", the kernel's " +
              std::to_string(kernels[i]) + "\n";
    }
  }
  return text.empty() ? "the same" : text;
}

TEST(SynPacket, IsTheKernelsOwn) {
  const auto text =
      InNetwork({"ip link add here type veth peer name there", "ip addr add 192.0.2.1/24 dev here",
                 "ip -6 addr add 2001:db8::1/64 dev here nodad", "ip link set here up",
                 "ip link set there up", "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:01 dev here",
                 "ip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:01 dev here",
                 // The window and its scale follow from these; newer kernels have a larger default.
                 "echo 4096 131072 6291456 > /proc/sys/net/ipv4/tcp_rmem"},
                [] {
                  return CompareWithKernels(Address("192.0.2.1"), Address("192.0.2.2")) + ", " +
                         CompareWithKernels(Address("2001:db8::1"), Address("2001:db8::2"));
                });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text, "the same, the same");
}

}  // namespace
}  // namespace postern::scanner

// The UDP scan against another network stack: real ICMP limits, real reject rules.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "scanner/in_network.h"
#include "scanner/other_network.h"
#include "scanner/scan_text.h"
#include "scanner/udp_scan.h"

namespace postern::scanner {
namespace {

// Sends every datagram back, on each of the ports, forever.
void Echo(const std::vector<std::uint16_t>& ports) {
  std::vector<pollfd> sockets;
  for (const auto port : ports) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    const int socket = ::socket(AF_INET6, SOCK_DGRAM, 0);
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
    sockets.push_back({socket, POLLIN, 0});
  }
  while (::poll(sockets.data(), sockets.size(), -1) > 0) {
    for (const auto& socket : sockets) {
      std::array<char, 2048> buffer{};
      sockaddr_in6 from{};
      socklen_t size = sizeof(from);
      if ((socket.revents & POLLIN) == 0) continue;
      const auto received = ::recvfrom(socket.fd, buffer.data(), buffer.size(), 0,
                                       reinterpret_cast<sockaddr*>(&from), &size);
      ::sendto(socket.fd, buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(received, 0)),
               0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }
}

ScanRequest RequestFor(const std::vector<const char*>& addresses, const std::string& ports) {
  ScanRequest request;
  std::vector<Prefix> prefixes;
  prefixes.reserve(addresses.size());
  for (const char* address : addresses) prefixes.push_back(*Prefix::Parse(address));
  request.plan.Add(prefixes, *PortSet::Parse(ports, PortSet::BarePorts::kAreAnError));
  return request;
}

ScanResult Scan(const ScanRequest& request) {
  RateLimiter limiter({1e6, 1e6, 1e6});
  return UdpScan(request, limiter, {});
}

ScanResult Scan(const std::vector<const char*>& addresses, const std::string& ports) {
  return Scan(RequestFor(addresses, ports));
}

constexpr const char* kNotReady = "the other network was not made";

TEST(UdpScanNamespace, FindsEveryClosedPortBehindTheKernelsOwnLimit) {
  const auto text = InNetwork({}, []() -> std::string {
    const OtherNetwork other([] { Echo({1007, 1013}); });
    if (!other.ready()) return kNotReady;
    const auto result = Scan({"192.0.2.2"}, "udp/1001-1020");
    return Text(result);
  });
  SKIP_IF_REFUSED(text);
  EXPECT_EQ(text,
            "192.0.2.2 udp/1001-1006 closed icmp-3-3\n192.0.2.2 udp/1007 open udp-response\n"
            "192.0.2.2 udp/1008-1012 closed icmp-3-3\n192.0.2.2 udp/1013 open udp-response\n"
            "192.0.2.2 udp/1014-1020 closed icmp-3-3\n");
}

}  // namespace
}  // namespace postern::scanner

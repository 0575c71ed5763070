// The ways by which a discovery reaches addresses: ARP and neighbour discovery on a link, IP
// packets beyond it; and what comes back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scanner/arp.h"
#include "scanner/capture.h"
#include "scanner/packet.h"
#include "scanner/route.h"

namespace postern::scanner {

// Not thread-safe. Owns its sockets and its capture; needs CAP_NET_RAW.
class DiscoveryPaths {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `source` and `interface` (empty: any) are the operator's wish; `filter` is what to capture.
  DiscoveryPaths(std::optional<IpAddress> source, const std::string& interface,
                 const std::string& filter);
  ~DiscoveryPaths();
  DiscoveryPaths(const DiscoveryPaths&) = delete;
  DiscoveryPaths& operator=(const DiscoveryPaths&) = delete;

  struct Path {
    enum class Kind : std::uint8_t {
      kLink,     // a neighbour on Ethernet
      kNetwork,  // behind a router, on a link without Ethernet, or this machine itself
      kNobody,   // a broadcast or multicast address: no host's own
      kNone,     // `error` says why this machine cannot reach it
    };
    Kind kind = Kind::kNone;
    IpAddress source;
    int interface = 0;
    LinkAddress sender{};  // kLink: our own
    std::string error;     // an errno name, or "capture"
  };
  Path To(const IpAddress& target);

  // These return 0 or the errno of why the packet did not leave.
  int SendPacket(const IpAddress& destination, std::span<const std::uint8_t> packet);
  int AskWhoHas(const Path& path, const IpAddress& target);
  // An IPv6 packet to a multicast group of the path's link.
  int SendToGroup(const Path& path, const IpAddress& group, std::span<const std::uint8_t> packet);

  struct Handlers {
    std::function<void(const Packet&, Time arrived)> packet;
    std::function<void(const ArpReply&, Time arrived)> arp;
  };
  // Hands over what has arrived, and what does until `deadline`; returns early after anything came.
  void Receive(const Handlers& handlers, Time deadline);

  // The kernel's usable neighbours on the path's link; none if it did not tell them all.
  std::optional<std::vector<IpAddress>> Neighbours(const Path& path, Family family);
  // Packets that found no room in the capture's buffer, so far.
  std::uint64_t Dropped();
  // Why answers can no longer come in, an errno name, if an interface in use went down or away.
  std::optional<std::string> Broken();

 private:
  struct Link {
    Interface interface;
    std::string error;
  };

  Link& LinkAt(int index);
  int SendArp(const Path& path, std::span<const std::uint8_t> packet);
  // Returns whether anything came.
  bool ReceiveArp(const Handlers& handlers);

  const std::optional<IpAddress> source_;
  const std::string interface_;
  const int interface_index_;
  Routes routes_;
  std::optional<Capture> capture_;
  std::map<int, Link> links_;
  int arp_socket_;
  int ipv4_socket_;
  int ipv6_socket_;
};

}  // namespace postern::scanner

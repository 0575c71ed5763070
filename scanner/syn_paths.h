// The ways by which SYNs leave this machine and replies come in: for each target the source
// address, the socket, and the neighbour that takes the frame; for each interface in use a capture.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scanner/capture.h"
#include "scanner/packet_socket.h"
#include "scanner/route.h"
#include "scanner/route_watch.h"

namespace postern::scanner {

// Not thread-safe. Each way is asked for once.
class SynPaths {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Path {
    IpAddress source;
    PacketSocket* socket = nullptr;  // null: the target cannot be reached; `error` says why
    LinkAddress neighbour{};         // where the socket is one to a link
    std::string error;               // an errno name, or "capture"
  };

  // `source` and `interface` (empty: any) are the operator's wish; `filter` is what to capture.
  SynPaths(std::optional<IpAddress> source, std::string interface, std::string filter);

  // Replies to what is sent on the path are captured from here on. Valid until the next call.
  const Path& To(const IpAddress& target, Time now);

  const std::vector<std::unique_ptr<PacketSocket>>& sockets() const { return sockets_; }
  const std::vector<std::unique_ptr<Capture>>& captures() const { return captures_; }
  // Packets that found no room in a capture's buffer, so far.
  std::uint64_t Dropped();
  // As RouteWatch has it.
  std::optional<std::string> Broken() { return watch_.Broken(); }

 private:
  // The next hop of all targets behind it. While its link address is not known, packets take the
  // kernel's way, which makes the kernel ask for it.
  struct Gateway {
    int interface = 0;
    IpAddress address;
    PacketSocket* link = nullptr;
    std::optional<LinkAddress> neighbour;
    Time next_look;
  };
  struct Known {
    Path path;
    Gateway* gateway = nullptr;  // null: the kernel's way for good
    PacketSocket* network = nullptr;
  };

  Known& KnownOf(const IpAddress& target);
  Known Find(const IpAddress& target);
  // Why nothing is captured there, or empty.
  std::string OpenCapture(int interface);
  PacketSocket* LinkSocket(int interface);
  PacketSocket* NetworkSocket(Family family);
  PacketSocket* Keep(PacketSocket socket);
  Gateway* GatewayAt(int interface, const IpAddress& address);

  const std::optional<IpAddress> source_;
  const std::string interface_;
  const int interface_index_;
  const std::string filter_;

  Routes routes_;
  RouteWatch watch_;
  // By the first address of a block: the way of all its addresses, or null where they differ.
  std::unordered_map<IpAddress, std::unique_ptr<Known>> blocks_;
  std::unordered_map<IpAddress, Known> known_;  // addresses of the other blocks
  std::map<std::pair<int, IpAddress>, Gateway> gateways_;
  std::map<int, std::string> captured_;  // interfaces and why not, empty where it works
  std::map<int, PacketSocket*> link_sockets_;
  std::map<Family, PacketSocket*> network_sockets_;
  std::vector<std::unique_ptr<PacketSocket>> sockets_;
  std::vector<std::unique_ptr<Capture>> captures_;
};

}  // namespace postern::scanner

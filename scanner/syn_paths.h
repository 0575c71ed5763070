// The ways by which SYNs leave this machine and replies come in: for each target the source address
// and the socket; one capture of all interfaces. Packets go through the kernel's IP layer, so that
// this machine's packet filter, its IPsec policies and its control groups' rules hold for them, and
// so that neighbour discovery and a failover of the gateway are the kernel's matter.
#pragma once

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
  struct Path {
    IpAddress source;
    PacketSocket* socket = nullptr;  // null: the target cannot be reached; `error` says why
    std::string error;               // an errno name, or "capture"
  };

  // `source` and `interface` (empty: any) are the operator's wish; `filter` is what to capture.
  SynPaths(std::optional<IpAddress> source, std::string interface, const std::string& filter);

  // Valid until the next call.
  const Path& To(const IpAddress& target);

  const std::vector<std::unique_ptr<PacketSocket>>& sockets() const { return sockets_; }
  // Null if replies cannot be captured; every path says so then.
  Capture* capture() const { return capture_.get(); }
  RouteWatch& watch() { return watch_; }
  // Packets that found no room in the capture's buffer, so far.
  std::uint64_t Dropped() { return capture_ ? capture_->Dropped() : 0; }

 private:
  Path Find(const IpAddress& target);
  PacketSocket* SocketOf(Family family);

  const std::optional<IpAddress> source_;
  const std::string interface_;
  const int interface_index_;

  std::unique_ptr<Capture> capture_;
  Routes routes_;
  RouteWatch watch_;
  // By the first address of a block: the way of all its addresses, or null where they differ.
  std::unordered_map<IpAddress, std::unique_ptr<Path>> blocks_;
  std::unordered_map<IpAddress, Path> known_;  // addresses of the other blocks
  std::map<Family, PacketSocket*> by_family_;
  std::vector<std::unique_ptr<PacketSocket>> sockets_;
};

}  // namespace postern::scanner

#include "scanner/discovery_paths.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/log.h"
#include "scanner/connect_probe.h"
#include "scanner/ndp.h"
#include "scanner/packet_socket.h"
#include "scanner/socket_address.h"

namespace postern::scanner {
namespace {

constexpr LinkAddress kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
// So many at once, then the sender has its turn again.
constexpr int kMostReceived = 256;

int OpenPacketSocket() {
  return ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
}

}  // namespace

DiscoveryPaths::DiscoveryPaths(std::optional<IpAddress> source, const std::string& interface,
                               std::string filter)
    : source_(source),
      interface_(interface),
      interface_index_(static_cast<int>(::if_nametoindex(interface.c_str()))),
      filter_(std::move(filter)),
      packet_socket_(OpenPacketSocket()),
      ipv4_socket_(OpenRawSocket(Family::kIpv4, interface, SOCK_NONBLOCK)),
      ipv6_socket_(OpenRawSocket(Family::kIpv6, interface, SOCK_NONBLOCK)) {}

DiscoveryPaths::~DiscoveryPaths() {
  for (const int descriptor : {packet_socket_, ipv4_socket_, ipv6_socket_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

DiscoveryPaths::Link& DiscoveryPaths::LinkAt(int index) {
  const auto [at, is_new] = links_.try_emplace(index);
  Link& link = at->second;
  if (!is_new) return link;
  const auto interface = routes_.InterfaceAt(index);
  if (!interface || !interface->up) {
    link.error = ErrnoName(interface ? ENETDOWN : ENODEV);
    return link;
  }
  link.interface = *interface;
  auto capture = Capture::Open(interface->name, filter_, Capture::Direction::kIncoming);
  if (capture) {
    link.capture = std::move(*capture);
  } else {
    link.error = "capture";
    Log(LogLevel::kWarning, "answers cannot be captured", {{"detail", capture.error().message}});
  }
  return link;
}

DiscoveryPaths::Path DiscoveryPaths::To(const IpAddress& target) {
  Path path;
  if (!interface_.empty() && interface_index_ == 0) {
    path.error = ErrnoName(ENODEV);
    return path;
  }
  const auto answer = routes_.To(target, source_, interface_index_);
  if (answer.nobody) path.kind = Path::Kind::kNobody;
  if (!answer.route) {
    path.error = ErrnoName(answer.error);
    return path;
  }
  const Link& link = LinkAt(answer.route->interface);
  path.error = link.error;
  if (!path.error.empty()) return path;
  path.source = answer.route->source;
  path.interface = answer.route->interface;
  const bool neighbour = !answer.route->gateway && !answer.route->local && link.interface.address &&
                         !link.interface.loopback;
  path.kind = neighbour ? Path::Kind::kLink : Path::Kind::kNetwork;
  if (neighbour) path.sender = *link.interface.address;
  return path;
}

int DiscoveryPaths::SendPacket(const IpAddress& destination, std::span<const std::uint8_t> packet) {
  SocketAddress address(destination, 0);
  const int descriptor = destination.family() == Family::kIpv4 ? ipv4_socket_ : ipv6_socket_;
  return ::sendto(descriptor, packet.data(), packet.size(), 0, address.data(), address.size()) < 0
             ? errno
             : 0;
}

int DiscoveryPaths::SendFrame(const Path& path, std::uint16_t type, const LinkAddress& destination,
                              std::span<const std::uint8_t> packet) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(type);
  address.sll_ifindex = path.interface;
  address.sll_halen = static_cast<unsigned char>(destination.size());
  std::copy(destination.begin(), destination.end(), std::begin(address.sll_addr));
  return ::sendto(packet_socket_, packet.data(), packet.size(), 0,
                  reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0
             ? errno
             : 0;
}

int DiscoveryPaths::AskWhoHas(const Path& path, const IpAddress& target) {
  if (target.family() == Family::kIpv4) {
    return SendFrame(path, ETH_P_ARP, kBroadcast, ArpRequest(path.sender, path.source, target));
  }
  const auto solicitation = NeighbourSolicitation(path.sender, path.source, target);
  return SendToGroup(path, solicitation.group, solicitation.packet);
}

int DiscoveryPaths::SendToGroup(const Path& path, const IpAddress& group,
                                std::span<const std::uint8_t> packet) {
  return SendFrame(path, ETH_P_IPV6, GroupLinkAddress(group), packet);
}

bool DiscoveryPaths::ReceiveArp(const Handlers& handlers) {
  std::array<std::uint8_t, 64> bytes{};
  for (int i = 0; i < kMostReceived; ++i) {
    const auto size = ::recv(packet_socket_, bytes.data(), bytes.size(), 0);
    if (size < 0) return i > 0;
    const auto reply = ParseArpReply(std::span(bytes).first(static_cast<std::size_t>(size)));
    if (reply) handlers.arp(*reply, std::chrono::steady_clock::now());
  }
  return true;
}

void DiscoveryPaths::Receive(const Handlers& handlers, Time deadline) {
  while (true) {
    bool any = ReceiveArp(handlers);
    std::vector<pollfd> waiting = {{packet_socket_, POLLIN, 0}};
    for (auto& [index, link] : links_) {
      if (!link.capture) continue;
      const auto handle = [&](std::span<const std::uint8_t> bytes, Time arrived) {
        if (const auto packet = ParsePacket(bytes)) handlers.packet(*packet, arrived);
      };
      any |= link.capture->Drain(kMostReceived, handle) > 0;
      waiting.push_back({link.capture->descriptor(), POLLIN, 0});
    }
    const auto left = deadline - std::chrono::steady_clock::now();
    if (any || left <= Time::duration::zero()) return;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec timeout{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    ::ppoll(waiting.data(), waiting.size(), &timeout, nullptr);
  }
}

std::optional<std::vector<IpAddress>> DiscoveryPaths::Neighbours(const Path& path, Family family) {
  return routes_.Neighbours(path.interface, family);
}

std::uint64_t DiscoveryPaths::Dropped() {
  std::uint64_t dropped = 0;
  for (auto& [index, link] : links_) {
    if (link.capture) dropped += link.capture->Dropped();
  }
  return dropped;
}

std::optional<std::string> DiscoveryPaths::Broken() {
  for (const auto& [index, link] : links_) {
    if (!link.error.empty()) continue;
    const auto now = routes_.InterfaceAt(index);
    if (!now || !now->up) return ErrnoName(now ? ENETDOWN : ENODEV);
  }
  return std::nullopt;
}

}  // namespace postern::scanner

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
#include <cstring>
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

std::optional<Capture> OpenCapture(const std::string& filter) {
  auto capture = Capture::Open(filter, Capture::Direction::kIncoming);
  if (capture) return std::move(*capture);
  Log(LogLevel::kWarning, "answers cannot be captured", {{"detail", capture.error().message}});
  return std::nullopt;
}

int OpenArpSocket() {
  return ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
}

}  // namespace

DiscoveryPaths::DiscoveryPaths(std::optional<IpAddress> source, const std::string& interface,
                               const std::string& filter)
    : source_(source),
      interface_(interface),
      interface_index_(static_cast<int>(::if_nametoindex(interface.c_str()))),
      capture_(OpenCapture(filter)),
      arp_socket_(OpenArpSocket()),
      ipv4_socket_(OpenRawSocket(Family::kIpv4, interface, SOCK_NONBLOCK)),
      ipv6_socket_(OpenRawSocket(Family::kIpv6, interface, SOCK_NONBLOCK)) {
  const int off = 0;
  ::setsockopt(ipv6_socket_, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off));
}

DiscoveryPaths::~DiscoveryPaths() {
  for (const int descriptor : {arp_socket_, ipv4_socket_, ipv6_socket_}) {
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
  if (!capture_) link.error = "capture";
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

int DiscoveryPaths::SendArp(const Path& path, std::span<const std::uint8_t> packet) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ARP);
  address.sll_ifindex = path.interface;
  address.sll_halen = static_cast<unsigned char>(kBroadcast.size());
  std::copy(kBroadcast.begin(), kBroadcast.end(), std::begin(address.sll_addr));
  return ::sendto(arp_socket_, packet.data(), packet.size(), 0,
                  reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0
             ? errno
             : 0;
}

int DiscoveryPaths::AskWhoHas(const Path& path, const IpAddress& target) {
  if (target.family() == Family::kIpv4) {
    return SendArp(path, ArpRequest(path.sender, path.source, target));
  }
  const auto solicitation = NeighbourSolicitation(path.sender, path.source, target);
  return SendToGroup(path, solicitation.group, solicitation.packet);
}

// Multicasts reach the link, and not this machine itself.
int DiscoveryPaths::SendToGroup(const Path& path, const IpAddress& group,
                                std::span<const std::uint8_t> packet) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_scope_id = static_cast<std::uint32_t>(path.interface);
  std::memcpy(&address.sin6_addr, group.bytes().data(), sizeof(address.sin6_addr));
  return ::sendto(ipv6_socket_, packet.data(), packet.size(), 0,
                  reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0
             ? errno
             : 0;
}

bool DiscoveryPaths::ReceiveArp(const Handlers& handlers) {
  std::array<std::uint8_t, 64> bytes{};
  for (int i = 0; i < kMostReceived; ++i) {
    const auto size = ::recv(arp_socket_, bytes.data(), bytes.size(), 0);
    if (size < 0) return i > 0;
    const auto reply = ParseArpReply(std::span(bytes).first(static_cast<std::size_t>(size)));
    if (reply) handlers.arp(*reply, std::chrono::steady_clock::now());
  }
  return true;
}

void DiscoveryPaths::Receive(const Handlers& handlers, Time deadline) {
  while (true) {
    bool any = ReceiveArp(handlers);
    std::vector<pollfd> waiting = {{arp_socket_, POLLIN, 0}};
    if (capture_) {
      any |= capture_->Drain(kMostReceived, handlers.packet) > 0;
      waiting.push_back({capture_->descriptor(), POLLIN, 0});
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

std::uint64_t DiscoveryPaths::Dropped() { return capture_ ? capture_->Dropped() : 0; }

std::optional<std::string> DiscoveryPaths::Broken() {
  for (const auto& [index, link] : links_) {
    if (!link.error.empty()) continue;
    const auto now = routes_.InterfaceAt(index);
    if (!now || !now->up) return ErrnoName(now ? ENETDOWN : ENODEV);
  }
  return std::nullopt;
}

}  // namespace postern::scanner

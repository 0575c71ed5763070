#include "scanner/syn_paths.h"

#include <net/if.h>

#include <cerrno>
#include <utility>

#include "core/log.h"
#include "scanner/connect_probe.h"

namespace postern::scanner {
namespace {

// How soon to look again for a gateway's link address, and how often it may have changed.
constexpr std::chrono::milliseconds kUnknownNeighbour{20};
constexpr std::chrono::seconds kKnownNeighbour{1};
// Paths are found again when more targets than this were met.
constexpr std::size_t kMostKnown = 1 << 20;

}  // namespace

SynPaths::SynPaths(std::optional<IpAddress> source, std::string interface, std::string filter)
    : source_(source),
      interface_(std::move(interface)),
      interface_index_(interface_.empty() ? 0
                                          : static_cast<int>(if_nametoindex(interface_.c_str()))),
      filter_(std::move(filter)),
      watch_(routes_, source_, interface_index_) {}

const SynPaths::Path& SynPaths::To(const IpAddress& target, Time now) {
  Known& known = KnownOf(target);
  Gateway* const gateway = known.gateway;
  if (gateway == nullptr || known.path.socket == nullptr) return known.path;
  if (now >= gateway->next_look) {
    gateway->neighbour = routes_.Neighbour(gateway->interface, gateway->address);
    gateway->next_look = now;
    gateway->next_look +=
        gateway->neighbour ? Time::duration(kKnownNeighbour) : Time::duration(kUnknownNeighbour);
  }
  known.path.socket = gateway->neighbour ? gateway->link : known.network;
  known.path.neighbour = gateway->neighbour.value_or(LinkAddress{});
  return known.path;
}

SynPaths::Known& SynPaths::KnownOf(const IpAddress& target) {
  const auto block = Routes::BlockOf(target);
  auto of_block = blocks_.find(block.base());
  if (of_block == blocks_.end()) {
    if (blocks_.size() >= kMostKnown) blocks_.clear();
    auto known = routes_.IsMixed(block) ? nullptr : std::make_unique<Known>(Find(target));
    of_block = blocks_.emplace(block.base(), std::move(known)).first;
  }
  if (of_block->second) return *of_block->second;
  if (const auto at = known_.find(target); at != known_.end()) return at->second;
  if (known_.size() >= kMostKnown) known_.clear();
  return known_.emplace(target, Find(target)).first->second;
}

SynPaths::Known SynPaths::Find(const IpAddress& target) {
  Known known;
  const auto fail = [&](std::string error) {
    known.path.error = std::move(error);
    return known;
  };
  if (!interface_.empty() && interface_index_ == 0) return fail(ErrnoName(ENODEV));
  const auto answer = routes_.To(target, source_, interface_index_);
  if (!answer.route) return fail(ErrnoName(answer.error));
  const Route& route = *answer.route;
  if (auto error = OpenCapture(route.interface); !error.empty()) return fail(std::move(error));
  watch_.Add(target, route);
  known.path.source = route.source;
  known.network = NetworkSocket(target.family());
  if (known.network->error() != 0) return fail(ErrnoName(known.network->error()));
  known.path.socket = known.network;
  if (!route.gateway || route.local) return known;
  known.gateway = GatewayAt(route.interface, *route.gateway);
  return known;
}

std::string SynPaths::OpenCapture(int interface) {
  const auto [at, is_new] = captured_.try_emplace(interface);
  if (!is_new) return at->second;
  const auto device = routes_.InterfaceAt(interface);
  if (!device) return at->second = ErrnoName(ENODEV);
  auto capture = Capture::Open(device->name, filter_, Capture::Direction::kIncoming);
  if (!capture) {
    Log(LogLevel::kWarning, "replies cannot be captured", {{"detail", capture.error().message}});
    return at->second = "capture";
  }
  captures_.push_back(std::make_unique<Capture>(std::move(*capture)));
  return {};
}

PacketSocket* SynPaths::Keep(PacketSocket socket) {
  return sockets_.emplace_back(std::make_unique<PacketSocket>(std::move(socket))).get();
}

PacketSocket* SynPaths::LinkSocket(int interface) {
  const auto [at, is_new] = link_sockets_.try_emplace(interface);
  const auto device = is_new ? routes_.InterfaceAt(interface) : std::nullopt;
  if (device && device->address && !device->loopback) {
    at->second = Keep(PacketSocket::ToLink(*device));
  }
  return at->second;
}

PacketSocket* SynPaths::NetworkSocket(Family family) {
  const auto [at, is_new] = network_sockets_.try_emplace(family);
  if (is_new) at->second = Keep(PacketSocket::ToNetwork(family, interface_));
  return at->second;
}

SynPaths::Gateway* SynPaths::GatewayAt(int interface, const IpAddress& address) {
  PacketSocket* const link = LinkSocket(interface);
  if (link == nullptr || link->error() != 0) return nullptr;
  Gateway& gateway = gateways_[{interface, address}];
  gateway.interface = interface;
  gateway.address = address;
  gateway.link = link;
  return &gateway;
}

std::uint64_t SynPaths::Dropped() {
  std::uint64_t dropped = 0;
  for (const auto& capture : captures_) dropped += capture->Dropped();
  return dropped;
}

}  // namespace postern::scanner

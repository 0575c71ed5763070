#include "scanner/route_watch.h"

#include <net/if.h>

#include <algorithm>
#include <cerrno>

#include "scanner/connect_probe.h"

namespace postern::scanner {

void RouteWatch::Add(const IpAddress& target, const Route& route) {
  const bool known = std::any_of(in_use_.begin(), in_use_.end(),
                                 [&route](const InUse& other) { return other.route == route; });
  if (!known) in_use_.push_back({target, route});
}

std::optional<std::string> RouteWatch::Broken() {
  for (const auto& [target, route] : in_use_) {
    const auto device = routes_.InterfaceAt(route.interface);
    if (!device) return ErrnoName(ENODEV);
    if (!device->up) return ErrnoName(ENETDOWN);
    if (routes_.To(target, source_, interface_).route != route) return "route-changed";
    if (route.gateway) LookAt(route);
  }
  return std::nullopt;
}

// A gateway that is being asked for its link-layer address, at two looks in a row, does not answer:
// the kernel gives up after three seconds.
void RouteWatch::LookAt(const Route& route) {
  const Gateway gateway{route.interface, *route.gateway};
  const auto now = routes_.NeighbourAt(route.interface, *route.gateway);
  const bool was_resolving = resolving_.erase(gateway) > 0;
  if (now == Neighbour::kResolving) resolving_.insert(gateway);
  if (now == Neighbour::kFailed || (now == Neighbour::kResolving && was_resolving)) {
    lost_.insert(gateway);
  }
}

NextHop RouteWatch::NextHopOf(const IpAddress& target, const Route& route) {
  if (route.local) return NextHop::kFound;
  const bool lost = route.gateway && lost_.contains({route.interface, *route.gateway});
  const auto now = lost ? Neighbour::kFailed
                        : routes_.NeighbourAt(route.interface, route.gateway.value_or(target));
  if (now == Neighbour::kUsable || now == Neighbour::kNotAsked) return NextHop::kFound;
  return route.gateway ? NextHop::kGatewayLost : NextHop::kNobody;
}

std::vector<NextHop> RouteWatch::NextHopsOf(std::span<const IpAddress> targets) {
  std::vector<NextHop> hops;
  hops.reserve(targets.size());
  const auto answers = routes_.ToEach(targets, source_, interface_);
  const bool dropped = CountIpsecDrops() != ipsec_drops_;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto& route = answers[i].route;
    hops.push_back(route ? NextHopOf(targets[i], *route) : NextHop::kFound);
    if (dropped && IsDroppedByIpsec(targets[i], source_)) hops.back() = NextHop::kForbidden;
  }
  return hops;
}

TargetWatch::TargetWatch(const std::optional<IpAddress>& source, const std::string& interface)
    : source_(source),
      interface_(interface.empty() ? 0 : static_cast<int>(if_nametoindex(interface.c_str()))),
      watch_(routes_, source, interface_) {}

void TargetWatch::Meet(const IpAddress& target) {
  const auto block = Routes::BlockOf(target);
  const auto [at, is_new] = blocks_.try_emplace(block.base());
  if (is_new) at->second = routes_.IsMixed(block);
  if (at->second ? met_.insert(target).second : is_new) Watch(target);
}

void TargetWatch::Watch(const IpAddress& target) {
  if (const auto answer = routes_.To(target, source_, interface_); answer.route) {
    watch_.Add(target, *answer.route);
  }
}

std::optional<std::string> TargetWatch::Broken(Time now) {
  if (now < next_look_) return std::nullopt;
  next_look_ = now + kLookAtRoutesEvery;
  return watch_.Broken();
}

}  // namespace postern::scanner

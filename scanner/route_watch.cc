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
  }
  return std::nullopt;
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

#include "daemon/canaries.h"

#include <map>
#include <utility>

#include "scanner/method.h"

namespace postern::daemon {

std::set<IpAddress> CanaryAddresses(std::span<const policy::Canary> canaries) {
  std::set<IpAddress> addresses;
  for (const auto& canary : canaries) addresses.insert(canary.endpoint.address);
  return addresses;
}

CanaryLook ReadCanaries(std::span<const policy::Canary> canaries, scanner::RateLimiter& limiter,
                        const std::function<bool(const IpAddress&)>& may_probe,
                        const std::stop_token& stop) {
  if (canaries.empty()) return {};
  std::map<IpAddress, PortSet> ports;
  for (const auto& canary : canaries) {
    ports[canary.endpoint.address].Add(canary.endpoint.protocol,
                                       {canary.endpoint.port, canary.endpoint.port});
  }
  scanner::ScanRequest request;
  request.may_probe = may_probe;
  for (const auto& [address, set] : ports) request.plan.Add({Prefix(address, address.bits())}, set);

  const auto allowed = [&](const policy::Canary& canary) {
    return may_probe(canary.endpoint.address);
  };
  std::vector<bool> before;
  before.reserve(canaries.size());
  for (const auto& canary : canaries) before.push_back(allowed(canary));

  auto result = scanner::Scan(request, scanner::Method::kAuto, limiter, stop);
  Snapshot snapshot;
  snapshot.addresses = std::move(result.addresses);
  CanaryLook look{.readings = {}, .coverage = std::move(result.coverage)};
  for (std::size_t i = 0; i < canaries.size(); ++i) {
    const auto& canary = canaries[i];
    const auto verdict = snapshot.At(canary.endpoint);
    look.readings.push_back({canary.endpoint, canary.state,
                             verdict ? verdict->state : PortState::kUnknown,
                             before[i] && allowed(canary)});
  }
  return look;
}

}  // namespace postern::daemon

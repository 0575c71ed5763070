#include "daemon/confirm.h"

#include <condition_variable>
#include <map>
#include <mutex>

#include "scanner/method.h"

namespace postern::daemon {
namespace {

// semantics: a second connect at least 1 s later.
constexpr auto kBetweenMethods = std::chrono::seconds(1);

scanner::ScanPlan PlanOf(const std::set<Endpoint>& endpoints) {
  std::map<IpAddress, PortSet> ports;
  for (const auto& endpoint : endpoints) {
    ports[endpoint.address].Add(endpoint.protocol, {endpoint.port, endpoint.port});
  }
  scanner::ScanPlan plan;
  for (const auto& [address, set] : ports) plan.Add({Prefix(address, address.bits())}, set);
  return plan;
}

// False if stopped meanwhile.
bool WaitBetween(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, kBetweenMethods, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

std::set<Endpoint> ConfirmOpen(std::span<const Drift> drifts, int methods,
                               scanner::RateLimiter& limiter,
                               const std::function<bool(const IpAddress&)>& may_probe,
                               const std::stop_token& stop) {
  std::set<Endpoint> open;
  for (const auto& drift : drifts) {
    if (drift.kind == DriftKind::kUnexpectedOpen) {
      open.insert({drift.address, drift.protocol, drift.port});
    }
  }
  for (int method = 1; method < methods && !open.empty(); ++method) {
    if (!WaitBetween(stop)) return {};
    scanner::ScanRequest request;
    request.plan = PlanOf(open);
    request.may_probe = may_probe;
    const auto again = scanner::Scan(request, scanner::Method::kConnect, limiter, stop);
    open.clear();
    for (const auto& observation : again.open) open.insert(observation.endpoint);
  }
  return open;
}

}  // namespace postern::daemon

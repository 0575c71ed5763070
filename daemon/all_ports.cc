#include "daemon/all_ports.h"

#include <algorithm>
#include <map>
#include <set>

#include "drift/all_ports.h"

namespace postern::daemon {
namespace {

std::set<IpAddress> Suspects(std::span<const Drift> drifts, std::span<const Finding> findings,
                             std::string_view viewpoint) {
  std::map<IpAddress, std::size_t> unexpected;
  std::set<IpAddress> suspects;
  for (const auto& drift : drifts) {
    if (drift.kind != DriftKind::kUnexpectedOpen || drift.protocol != Protocol::kTcp) continue;
    if (++unexpected[drift.address] >= drift::kSuspicious) suspects.insert(drift.address);
  }
  for (const auto& finding : findings) {
    if (finding.viewpoint != viewpoint || finding.state == FindingState::kResolved) continue;
    if (finding.drift.kind == DriftKind::kAllPortsOpen) suspects.insert(finding.drift.address);
  }
  return suspects;
}

}  // namespace

scanner::ScanPlan RandomPortsPlan(const Snapshot& snapshot, std::span<const Drift> drifts,
                                  std::span<const Finding> findings, std::string_view viewpoint,
                                  std::string_view ports_secret) {
  scanner::ScanPlan plan;
  for (const auto& address : Suspects(drifts, findings, viewpoint)) {
    const auto* seen = snapshot.Find(address);
    if (seen == nullptr) continue;
    auto ports = drift::RandomPortsOf(address, ports_secret);
    for (const auto& range : seen->of(Protocol::kTcp).ranges()) {
      ports.Remove(Protocol::kTcp, range.ports);
    }
    if (!ports.empty()) plan.Add({Prefix(address, address.bits())}, ports);
  }
  return plan;
}

void AddPart(const scanner::ScanResult& part, Snapshot& snapshot) {
  snapshot.coverage.Add(part.coverage);
  for (const auto& states : part.addresses) {
    const auto at =
        std::ranges::lower_bound(snapshot.addresses, states.address, {}, &AddressStates::address);
    if (at == snapshot.addresses.end() || at->address != states.address) continue;
    for (const auto protocol : kProtocols) at->of(protocol).Overlay(states.of(protocol));
  }
}

}  // namespace postern::daemon

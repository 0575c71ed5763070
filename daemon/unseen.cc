#include "daemon/unseen.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "daemon/run_plan.h"

namespace postern::daemon {
namespace {

PortSet UnknownPorts(const AddressStates& states) {
  PortSet unknown;
  for (const auto protocol : kProtocols) {
    for (const auto& range : states.of(protocol).ranges()) {
      if (range.verdict.state == PortState::kUnknown) unknown.Add(protocol, range.ports);
    }
  }
  return unknown;
}

std::size_t PortsOf(const AddressStates& states) {
  return states.of(Protocol::kTcp).size() + states.of(Protocol::kUdp).size();
}

// The families that the run could not be believed for, or in which it has no verdict at all on
// several addresses: one exception stands for all of them.
std::array<bool, 2> UnseenFamilies(const Snapshot& snapshot) {
  std::array<std::size_t, 2> asked{};
  std::array<bool, 2> seen{};
  for (const auto& states : snapshot.addresses) {
    const auto family = static_cast<std::size_t>(states.address.family());
    ++asked.at(family);
    if (UnknownPorts(states).size() < PortsOf(states)) seen.at(family) = true;
  }
  std::array<bool, 2> unseen{};
  for (const auto family : kFamilies) {
    const auto i = static_cast<std::size_t>(family);
    unseen.at(i) =
        asked.at(i) > 0 && (!snapshot.coverage.Trusted(family) || (asked.at(i) > 1 && !seen.at(i)));
  }
  return unseen;
}

void AddAddresses(const Targets& targets, const Snapshot& snapshot,
                  const std::array<bool, 2>& unseen_families, std::vector<storage::Unseen>& list) {
  std::map<IpAddress, const policy::Host*> hosts;
  for (const auto& target : targets.list) hosts.emplace(target.address, target.host);
  for (const auto& states : snapshot.addresses) {
    if (unseen_families.at(static_cast<std::size_t>(states.address.family()))) continue;
    auto ports = UnknownPorts(states);
    const auto host = hosts.find(states.address);
    if (ports.empty() || host == hosts.end()) continue;
    list.push_back({states.address.ToString(), host->second->name, std::move(ports)});
  }
}

// Names behind which the scan asks something.
void AddNames(const Setup& setup, const policy::ScanConfig& scan, const Targets& targets,
              std::vector<storage::Unseen>& list) {
  const auto& viewpoint = setup.config.viewpoint;
  const auto asked = PortsAsked(*setup.policy, viewpoint, std::span(&scan, 1), targets.unanswered);
  std::set<std::string> added;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& target = targets.unanswered[i];
    if (asked[i].empty() || !added.insert(target.subject).second) continue;
    list.push_back({target.subject, target.host->name, {}});
  }
}

// They are asked in a run of their own; the run that did not wait for them is whole without them.
std::uint64_t UnknownOfSlowHosts(const Snapshot& snapshot) {
  std::uint64_t unknown = 0;
  for (const auto& address : snapshot.coverage.slow_hosts) {
    if (const auto* states = snapshot.Find(address)) unknown += UnknownPorts(*states).size();
  }
  return unknown;
}

// What a run that continues another saw of the hosts that were not waited for.
std::vector<storage::Unseen> SeenBy(const Snapshot& snapshot) {
  std::vector<storage::Unseen> seen;
  for (const auto& states : snapshot.addresses) {
    if (!snapshot.coverage.Trusted(states.address.family())) continue;
    storage::Unseen one{states.address.ToString(), {}, {}};
    for (const auto protocol : kProtocols) {
      const auto known = states.of(protocol).Known();
      for (const auto& range : known.ranges()) one.ports.Add(protocol, range.ports);
    }
    seen.push_back(std::move(one));
  }
  return seen;
}

}  // namespace

void CountUnseen(std::uint64_t unanswered, Snapshot& snapshot) {
  auto& coverage = snapshot.coverage;
  coverage.asked += unanswered;
  coverage.unknown += unanswered;
  const bool names_missing = snapshot.run.stage != Stage::kDiscover && !coverage.unresolved.empty();
  if (coverage.unknown > UnknownOfSlowHosts(snapshot) || names_missing) coverage.complete = false;
}

std::optional<storage::UnseenInRun> UnseenIn(const Setup& setup, const Targets& targets,
                                             const RunEvidence& evidence) {
  const auto& snapshot = evidence.snapshot;
  const auto scan =
      std::ranges::find(setup.config.scans, snapshot.run.scan, &policy::ScanConfig::name);
  if (scan == setup.config.scans.end() || scan->stage == Stage::kDiscover) return std::nullopt;
  storage::UnseenInRun unseen;
  if (snapshot.run.continues != 0) {
    unseen.seen = SeenBy(snapshot);
    return unseen;
  }
  unseen.runs_per_round = RunsPerRound(*scan);
  if (evidence.cursor) unseen.part = evidence.cursor->position;
  const auto families = UnseenFamilies(snapshot);
  for (const auto family : kFamilies) {
    if (!families.at(static_cast<std::size_t>(family))) continue;
    unseen.list.push_back({std::string(ToString(family)), "", {}});
  }
  AddAddresses(targets, snapshot, families, unseen.list);
  AddNames(setup, *scan, targets, unseen.list);
  return unseen;
}

}  // namespace postern::daemon

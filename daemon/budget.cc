#include "daemon/budget.h"

#include <algorithm>
#include <map>

#include "core/prefix.h"
#include "daemon/discovery.h"
#include "daemon/run_plan.h"
#include "scanner/discovery_probes.h"

namespace postern::daemon {
namespace {

// Three tries, the last of which the kernel repeats once (scanner/connect_scan.h).
constexpr std::uint64_t kMostProbesPerEndpoint = 4;

struct Load {
  std::uint64_t total = 0;
  std::uint64_t busiest_address = 0;
  std::uint64_t busiest_network = 0;  // /24 or /64
};

std::uint64_t EndpointsAt(const policy::Policy& policy, std::string_view viewpoint,
                          const policy::ScanConfig& scan, const Target& target) {
  return PlanRun(policy, viewpoint, scan, {&target, 1}, {}, std::nullopt, TimePoint{}, Duration{})
      .endpoints.size();
}

Load LoadOf(const policy::Policy& policy, std::string_view viewpoint, policy::ScanConfig scan,
            const Targets& targets) {
  // A whole round of a sweep, not a slice.
  if (scan.stage == Stage::kFull) scan.stage = Stage::kTop;
  Load load;
  std::map<Prefix, std::uint64_t> networks;
  for (const auto& target : targets.list) {
    const auto endpoints = EndpointsAt(policy, viewpoint, scan, target);
    const int network_bits = target.address.family() == Family::kIpv4 ? 24 : 64;
    load.total += endpoints;
    load.busiest_address = std::max(load.busiest_address, endpoints);
    auto& network = networks[Prefix(target.address, network_bits)];
    network += endpoints;
    load.busiest_network = std::max(load.busiest_network, network);
  }
  return load;
}

// The tries of each kind of probe that fits the family; the ICMP timestamp is of IPv4 only.
std::uint64_t MostSweepProbes(const scanner::DiscoverRequest& request, Family family) {
  const auto kinds = scanner::kDiscoveryProbes.size() - (family == Family::kIpv6 ? 1 : 0);
  return kinds * static_cast<std::uint64_t>(request.tries);
}

// Probes of a sweep, `each` to one address of a family.
template <typename Each>
Load SweepLoad(const scanner::DiscoverRequest& request, const Each& each) {
  Load load;
  std::map<Prefix, std::uint64_t> networks;
  for (const auto& range : request.ranges) {
    const int bits = std::max(range.length(), range.family() == Family::kIpv4 ? 24 : 64);
    const std::uint64_t of_address = each(range.family());
    load.total += range.size() * of_address;
    load.busiest_address = std::max(load.busiest_address, of_address);
    // A range of several networks loads each alike.
    const Prefix first(range.base(), range.family() == Family::kIpv4 ? 24 : 64);
    auto& network = networks[first];
    network += Prefix(range.base(), bits).size() * of_address;
    load.busiest_network = std::max(load.busiest_network, network);
  }
  return load;
}

double SecondsFor(const Load& load, std::uint64_t probes_each, const policy::Limits& limits) {
  const auto seconds = [probes_each](std::uint64_t endpoints, double rate) {
    return static_cast<double>(endpoints * probes_each) / rate;
  };
  return std::max({seconds(load.total, limits.rate),
                   seconds(load.busiest_address, limits.host_rate),
                   seconds(load.busiest_network, limits.network_rate)});
}

ScanBudget SweepBudget(const policy::Config& config, const policy::Policy& policy,
                       const policy::ScanConfig& scan, const Targets& targets) {
  const auto listed = targets.Listed();
  const auto request = DiscoveryOf(policy, config.viewpoint, listed, {});
  const auto fewest = SweepLoad(request, [](Family) { return std::uint64_t{1}; });
  const auto most =
      SweepLoad(request, [&](Family family) { return MostSweepProbes(request, family); });
  const auto multicasts = request.links.size() * static_cast<std::uint64_t>(request.tries);
  ScanBudget budget;
  budget.addresses = fewest.total;
  budget.endpoints = fewest.total;
  budget.fewest_probes = fewest.total + multicasts;
  budget.most_probes = most.total + multicasts;
  budget.links = request.links.size();
  budget.ports_of_unlisted = scan.ports.size();
  budget.shortest_seconds = SecondsFor(fewest, 1, config.limits);
  budget.longest_seconds = SecondsFor(most, 1, config.limits);
  return budget;
}

ScanBudget PortBudget(const policy::Config& config, const policy::Policy& policy,
                      const policy::ScanConfig& scan, const Targets& targets) {
  const auto load = LoadOf(policy, config.viewpoint, scan, targets);
  ScanBudget budget;
  budget.addresses = targets.list.size();
  budget.endpoints = load.total;
  budget.fewest_probes = load.total;
  budget.most_probes = load.total * kMostProbesPerEndpoint;
  budget.shortest_seconds = SecondsFor(load, 1, config.limits);
  budget.longest_seconds = SecondsFor(load, kMostProbesPerEndpoint, config.limits);
  return budget;
}

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

std::vector<ScanBudget> BudgetOf(const policy::Config& config, const policy::Policy& policy,
                                 const Targets& targets) {
  std::vector<ScanBudget> budgets;
  for (const auto& scan : config.scans) {
    auto budget = scan.stage == Stage::kDiscover ? SweepBudget(config, policy, scan, targets)
                                                 : PortBudget(config, policy, scan, targets);
    budget.scan = scan.name;
    budget.stage = scan.stage;
    budget.every_seconds = Seconds(scan.every);
    budget.oldest_seconds =
        Seconds(scan.every) + Seconds(scan.jitter) +
        (scan.stage == Stage::kFull ? Seconds(RunInterval(scan)) : budget.longest_seconds);
    budgets.push_back(budget);
  }
  return budgets;
}

double NeededRate(const std::vector<ScanBudget>& budgets) {
  double rate = 0;
  for (const auto& budget : budgets) {
    rate += static_cast<double>(budget.most_probes) / budget.every_seconds;
  }
  return rate;
}

}  // namespace postern::daemon

#include "daemon/budget.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/prefix.h"
#include "daemon/discovery.h"
#include "daemon/run_plan.h"
#include "scanner/discovery_probes.h"
#include "scanner/patience.h"

namespace postern::daemon {
namespace {

constexpr int kFewestTries = 3;
// Beside its tries a silent endpoint costs one packet more: the kernel repeats the last try of the
// connect method, and the SYN method sends up to a timing probe for every four packets.
constexpr std::uint64_t kBesideTries = 1;
// Rounds are a second apart, and the last one waits for two (scanner/patience.h).
constexpr double kWaitsForSilence = 4;
// A host of Linux tells of one closed UDP port a second (scanner/udp_paced_host.h).
constexpr double kSecondsPerUdpPort = 1.02;
// Values that are suggested leave this much room.
constexpr double kRoom = 1.1;

// What one scan asks of one address.
struct AddressCost {
  IpAddress address;
  PortsLastSeen ports;
  std::uint64_t udp_ports = 0;
  std::uint64_t udp_silent = 0;  // when they were last seen
};

// Probes by the cap that counts them.
struct Load {
  std::uint64_t total = 0;
  std::map<IpAddress, std::uint64_t> addresses;
  std::map<Prefix, std::uint64_t> networks;  // /24 or /64

  void Add(const IpAddress& address, std::uint64_t probes) {
    total += probes;
    addresses[address] += probes;
    networks[NetworkOf(address)] += probes;
  }

  static Prefix NetworkOf(const IpAddress& address) {
    return {address, address.family() == Family::kIpv4 ? 24 : 64};
  }

  template <typename Map>
  static std::uint64_t Most(const Map& map) {
    std::uint64_t most = 0;
    for (const auto& [key, probes] : map) most = std::max(most, probes);
    return most;
  }
};

// Keys of `limits`, what each allows, and what it is to carry.
struct Cap {
  const char* key;
  double allowed;
  double probes;
};

std::vector<Cap> CapsOf(const Load& load, const policy::Limits& limits) {
  return {{"rate", limits.rate, static_cast<double>(load.total)},
          {"host_rate", limits.host_rate, static_cast<double>(Load::Most(load.addresses))},
          {"network_rate", limits.network_rate, static_cast<double>(Load::Most(load.networks))}};
}

double SecondsFor(const Load& load, const policy::Limits& limits) {
  double seconds = 0;
  for (const auto& cap : CapsOf(load, limits))
    seconds = std::max(seconds, cap.probes / cap.allowed);
  return seconds;
}

const AddressStates* Find(const std::vector<AddressStates>& states, const IpAddress& address) {
  const auto at = std::ranges::lower_bound(states, address, {}, &AddressStates::address);
  return at != states.end() && at->address == address ? &*at : nullptr;
}

std::vector<AddressCost> CostsOf(const policy::Config& config, const policy::Policy& policy,
                                 policy::ScanConfig scan, const Targets& targets,
                                 const Knowledge& knowledge) {
  // A whole round of a sweep, not a slice.
  if (scan.stage == Stage::kFull) scan.stage = Stage::kTop;
  std::vector<AddressCost> costs;
  for (const auto& target : targets.list) {
    const auto plan = PlanRun(policy, config.viewpoint, scan, {&target, 1}, {}, std::nullopt,
                              TimePoint{}, Duration{});
    const auto ports = plan.endpoints.PortsOf(target.address);
    const auto* known = Find(knowledge.states, target.address);
    const auto udp = PortSet::Of(Protocol::kUdp, ports.ranges(Protocol::kUdp));
    costs.push_back({target.address, CountLastSeen(ports, known), udp.size(),
                     CountLastSeen(udp, known).silent});
  }
  return costs;
}

template <typename Probes>
Load LoadOf(const std::vector<AddressCost>& costs, const Probes& probes) {
  Load load;
  for (const auto& cost : costs) load.Add(cost.address, probes(cost.ports));
  return load;
}

// The tries of each kind of probe that fits the family; the ICMP timestamp is of IPv4 only.
std::uint64_t MostSweepProbes(const scanner::DiscoverRequest& request, Family family) {
  const auto kinds = scanner::kDiscoveryProbes.size() - (family == Family::kIpv6 ? 1 : 0);
  return kinds * static_cast<std::uint64_t>(request.tries);
}

// Probes of a sweep, `each` to one address of a family. Of a range of several networks the first
// stands for all.
template <typename Each>
Load SweepLoad(const scanner::DiscoverRequest& request, const Each& each) {
  Load load;
  for (const auto& range : request.ranges) {
    const int bits = std::max(range.length(), range.family() == Family::kIpv4 ? 24 : 64);
    const std::uint64_t of_address = each(range.family());
    load.total += range.size() * of_address;
    load.addresses[range.base()] = of_address;
    load.networks[Load::NetworkOf(range.base())] += Prefix(range.base(), bits).size() * of_address;
  }
  return load;
}

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Rounds up to a value that reads well.
Duration NiceDuration(double seconds) {
  const double unit = seconds <= 60 ? 1 : seconds <= 3600 ? 60 : 3600;
  return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(seconds / unit) * unit));
}

double NiceRate(double rate) {
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(std::max(1.0, rate))) - 1));
  return std::ceil(rate / unit) * unit;
}

// `unbounded`: what no cap shortens.
FittingValues ValuesFor(const Load& load, double unbounded, double every,
                        const policy::Limits& limits) {
  FittingValues values;
  values.every = NiceDuration((SecondsFor(load, limits) + unbounded) * kRoom);
  const double available = every / kRoom - unbounded;
  if (available <= 0) return values;
  for (const auto& cap : CapsOf(load, limits)) {
    const double needed = cap.probes / available;
    if (needed > cap.allowed) values.caps.emplace_back(cap.key, NiceRate(needed));
  }
  return values;
}

// Adds what a scan's load is a second to what all need together.
class Together {
 public:
  void Add(const Load& load, double every) {
    rate_ += static_cast<double>(load.total) / every;
    for (const auto& [key, probes] : load.addresses) {
      hosts_[key] += static_cast<double>(probes) / every;
    }
    for (const auto& [key, probes] : load.networks) {
      networks_[key] += static_cast<double>(probes) / every;
    }
  }

  Demand Sum() const {
    Demand demand{rate_, 0, 0};
    for (const auto& [key, rate] : hosts_) demand.host_rate = std::max(demand.host_rate, rate);
    for (const auto& [key, rate] : networks_) {
      demand.network_rate = std::max(demand.network_rate, rate);
    }
    return demand;
  }

 private:
  double rate_ = 0;
  std::map<IpAddress, double> hosts_;
  std::map<Prefix, double> networks_;
};

ScanBudget SweepBudget(const policy::Config& config, const policy::Policy& policy,
                       const policy::ScanConfig& scan, const Targets& targets, Load& expected) {
  const auto listed = targets.Listed();
  const auto request = DiscoveryOf(policy, config.viewpoint, listed, {});
  const auto fewest = SweepLoad(request, [](Family) { return std::uint64_t{1}; });
  expected = SweepLoad(request, [&](Family family) { return MostSweepProbes(request, family); });
  const auto multicasts = request.links.size() * static_cast<std::uint64_t>(request.tries);
  ScanBudget budget;
  budget.addresses = fewest.total;
  budget.endpoints = fewest.total;
  budget.fewest_probes = fewest.total + multicasts;
  budget.most_probes = expected.total + multicasts;
  budget.expected_probes = budget.most_probes;
  budget.links = request.links.size();
  budget.ports_of_unlisted = scan.ports.size();
  budget.shortest_seconds = SecondsFor(fewest, config.limits);
  budget.longest_seconds = SecondsFor(expected, config.limits);
  budget.expected_seconds = budget.longest_seconds;
  budget.would_fit = ValuesFor(expected, 0, Seconds(scan.every), config.limits);
  return budget;
}

ScanBudget PortBudget(const policy::Config& config, const policy::Policy& policy,
                      const policy::ScanConfig& scan, const Targets& targets,
                      const Knowledge& knowledge, Load& expected) {
  const auto costs = CostsOf(config, policy, scan, targets, knowledge);
  ScanBudget budget;
  budget.addresses = targets.list.size();
  std::uint64_t udp = 0;
  std::uint64_t udp_that_may_be_closed = 0;
  for (const auto& cost : costs) {
    budget.last_seen += cost.ports;
    udp = std::max(udp, cost.udp_ports);
    udp_that_may_be_closed = std::max(udp_that_may_be_closed, cost.udp_ports - cost.udp_silent);
  }
  const auto fewest = LoadOf(costs, [](const PortsLastSeen& ports) { return ports.Probes(1); });
  budget.endpoints = budget.fewest_probes = fewest.total;

  const auto loss = knowledge.loss.find(scan.name);
  const auto tries = static_cast<std::uint64_t>(scanner::TriesFor(
      budget.endpoints, loss == knowledge.loss.end() ? 0 : loss->second, kFewestTries));
  const auto silent = tries + kBesideTries;
  const auto most =
      LoadOf(costs, [&](const PortsLastSeen& ports) { return ports.Probes(1) * silent; });
  expected = LoadOf(costs, [&](const PortsLastSeen& ports) { return ports.Probes(silent); });
  budget.most_probes = most.total;
  budget.expected_probes = expected.total;

  const bool any_silent = budget.last_seen.silent + budget.last_seen.unseen > 0;
  const double waits = (kWaitsForSilence + static_cast<double>(tries - kFewestTries)) *
                       static_cast<double>(RunsPerRound(scan));
  const auto seconds = [&](const Load& load, double waiting, std::uint64_t closed_udp) {
    return std::max(SecondsFor(load, config.limits),
                    kSecondsPerUdpPort * static_cast<double>(closed_udp)) +
           waiting;
  };
  budget.shortest_seconds = seconds(fewest, 0, 0);
  budget.longest_seconds = seconds(most, waits, udp);
  budget.expected_seconds = seconds(expected, any_silent ? waits : 0, udp_that_may_be_closed);
  budget.would_fit = ValuesFor(expected, waits, Seconds(scan.every), config.limits);
  if (const double paced = kSecondsPerUdpPort * static_cast<double>(udp_that_may_be_closed) + waits;
      paced > Seconds(scan.every)) {
    budget.would_fit.caps.clear();
    budget.would_fit.every = std::max(budget.would_fit.every, NiceDuration(paced * kRoom));
  }
  return budget;
}

}  // namespace

Budget BudgetOf(const policy::Config& config, const policy::Policy& policy, const Targets& targets,
                const Knowledge& knowledge) {
  Budget all;
  Together together;
  for (const auto& scan : config.scans) {
    Load expected;
    auto budget = scan.stage == Stage::kDiscover
                      ? SweepBudget(config, policy, scan, targets, expected)
                      : PortBudget(config, policy, scan, targets, knowledge, expected);
    budget.scan = scan.name;
    budget.stage = scan.stage;
    budget.every_seconds = Seconds(scan.every);
    budget.oldest_seconds =
        Seconds(scan.every) + Seconds(scan.jitter) +
        (scan.stage == Stage::kFull ? Seconds(RunInterval(scan)) : budget.expected_seconds);
    together.Add(expected, budget.every_seconds);
    all.scans.push_back(std::move(budget));
  }
  all.together = together.Sum();
  return all;
}

}  // namespace postern::daemon

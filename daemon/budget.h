// What the schedule costs and whether the limits allow it: for `postern plan`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/probe_cost.h"
#include "daemon/targets.h"
#include "policy/config.h"
#include "policy/policy.h"

namespace postern::daemon {

// What earlier runs show of the cost; empty: nothing is known.
struct Knowledge {
  std::vector<AddressStates> states;   // ascending by address
  std::map<std::string, double> loss;  // of each scan's newest run, 0 to 1
};

// The least values with which a scan would fit, each by itself; none: none would help. A cap that
// is high enough already is not there.
struct FittingValues {
  Duration every{};
  std::vector<std::pair<std::string, double>> caps;  // by key of `limits`; all of them together
};

// What one scan needs for each endpoint to have had its turn once.
struct ScanBudget {
  std::string scan;
  Stage stage = Stage::kTop;
  std::uint64_t addresses = 0;
  std::uint64_t endpoints = 0;      // discover: addresses
  std::uint64_t fewest_probes = 0;  // every endpoint answers the first
  std::uint64_t most_probes = 0;    // every endpoint is silent
  PortsLastSeen last_seen;          // not of discover
  // By what was last seen, where a port that nothing is known of counts as silent.
  std::uint64_t expected_probes = 0;
  // discover only: networks that are asked by multicast, and the ports that each unlisted host is
  // asked beside `most_probes`.
  std::uint64_t links = 0;
  std::uint64_t ports_of_unlisted = 0;
  // By the caps, for these numbers of probes, and the waits for silence.
  double shortest_seconds = 0;
  double expected_seconds = 0;
  double longest_seconds = 0;
  double every_seconds = 0;
  // The age that an observation of this scan can have at most, if it fits.
  double oldest_seconds = 0;
  FittingValues would_fit;

  bool Fits() const { return expected_seconds <= every_seconds; }
};

// The packets a second that all scans together need, by what was last seen.
struct Demand {
  double rate = 0;
  double host_rate = 0;     // of the busiest address
  double network_rate = 0;  // of the busiest /24 or /64
};

struct Budget {
  std::vector<ScanBudget> scans;  // in the order of the configuration
  Demand together;
};

Budget BudgetOf(const policy::Config& config, const policy::Policy& policy, const Targets& targets,
                const Knowledge& knowledge);

}  // namespace postern::daemon

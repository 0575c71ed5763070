// What the schedule costs and whether the limits allow it: for `postern plan`.
#pragma once

#include <string>
#include <vector>

#include "daemon/targets.h"
#include "policy/config.h"
#include "policy/policy.h"

namespace postern::daemon {

// What one scan needs for each endpoint to have had its turn once.
struct ScanBudget {
  std::string scan;
  Stage stage = Stage::kTop;
  std::uint64_t addresses = 0;
  std::uint64_t endpoints = 0;      // discover: addresses
  std::uint64_t fewest_probes = 0;  // every endpoint answers the first
  std::uint64_t most_probes = 0;    // every endpoint is silent
  // discover only: networks that are asked by multicast, and the ports that each unlisted host is
  // asked beside `most_probes`.
  std::uint64_t links = 0;
  std::uint64_t ports_of_unlisted = 0;
  double shortest_seconds = 0;  // by the caps, for the fewest probes
  double longest_seconds = 0;   // by the caps, for the most
  double every_seconds = 0;
  // The age that an observation of this scan can have at most, if it fits.
  double oldest_seconds = 0;

  bool Fits() const { return longest_seconds <= every_seconds; }
};

// One for each scan, in the order of the configuration.
std::vector<ScanBudget> BudgetOf(const policy::Config& config, const policy::Policy& policy,
                                 const Targets& targets);

// The packets a second that the whole schedule needs if nothing answers.
double NeededRate(const std::vector<ScanBudget>& budgets);

}  // namespace postern::daemon

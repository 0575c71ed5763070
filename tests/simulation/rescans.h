// Rescans of a simulated network with the daemon's own planning, judging and store, while the world
// changes, packets are lost, the daemon is restarted, the viewpoint goes blind and the policy is
// edited. The oracle has the last word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulation/oracle.h"

namespace postern::simulation {

struct Settings {
  int rescans = 200;
  std::uint32_t seed = 1;
  double loss = 0.02;    // of a packet, each way
  std::string database;  // must not exist
};

struct Report {
  std::vector<std::string> complaints;
  Counts findings;
  int runs = 0;
  int aborted = 0;   // by a restart
  int blind = 0;     // in one family or both
  int doubtful = 0;  // cut off where no canary could notice
  int edits = 0;
  int changes = 0;  // of single endpoints
  int faults = 0;   // bans, dead gateways, half-dead upstreams, hosts that were switched off
  std::uint64_t packets = 0;
  std::uint64_t verdicts = 0;       // of addresses with which nothing was wrong
  std::uint64_t unproven = 0;       // of these, unknown, or of an address called absent
  std::uint64_t wrong_silence = 0;  // endpoints that answer, and that a run found silent
};

Report Play(const Settings& settings);

}  // namespace postern::simulation

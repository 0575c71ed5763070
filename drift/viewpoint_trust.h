// Whether a run can be believed: what it says about the path it looked along. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/drift.h"
#include "core/finding.h"
#include "core/snapshot.h"

namespace postern::drift {

// A canary as the run saw it.
struct CanaryReading {
  Endpoint endpoint;
  PortState expected = PortState::kOpen;
  PortState observed = PortState::kUnknown;
  bool allowed = true;  // false: a quiet hour or the scope forbade to ask it
};

// Per family: more than half of the canaries wrong (unknown counts as wrong), or, where the family
// has no canary to ask, at least 10 and half of the endpoints that were open before and were asked
// now are open no longer. With canaries that are right a mass loss is the hosts' own, and is
// reported as such: calling it blindness would freeze the findings for good.
std::array<bool, 2> BlindFamilies(std::span<const CanaryReading> canaries,
                                  std::span<const AddressStates> before, const Snapshot& snapshot);

// What a run proves of the viewpoint itself, over one family.
struct ViewpointSight {
  enum class Proof : std::uint8_t { kNone, kSees, kBlind };
  Proof proof = Proof::kNone;
  bool by_canaries = false;  // else by the ports that were open before
  std::string why;           // kBlind: in words
};

// Per family. By the rules of BlindFamilies, but a canary that was not allowed to be asked proves
// nothing, and without canaries only a run that lost fewer than half of the open ports sees.
std::array<ViewpointSight, 2> SightOf(std::span<const CanaryReading> canaries,
                                      std::span<const AddressStates> before,
                                      const Snapshot& snapshot);
// Of two readings of one run: blind if either is.
std::array<ViewpointSight, 2> Worse(const std::array<ViewpointSight, 2>& a,
                                    const std::array<ViewpointSight, 2>& b);

// viewpoint_blind: one for each family that is.
std::vector<Drift> BlindnessDrift(const std::array<ViewpointSight, 2>& sight);

// How a viewpoint_blind finding ends without a run: withdrawn where the canaries that made it are
// configured no more.
std::optional<Resolution> EndOfBlindness(const Drift& drift,
                                         const std::array<bool, 2>& has_canaries);

}  // namespace postern::drift

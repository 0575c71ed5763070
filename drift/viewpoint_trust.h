// Whether a run can be believed: what it says about the path it looked along. Pure functions.
#pragma once

#include <array>
#include <span>

#include "core/snapshot.h"

namespace postern::drift {

// A canary as the run saw it.
struct CanaryReading {
  Endpoint endpoint;
  PortState expected = PortState::kOpen;
  PortState observed = PortState::kUnknown;
};

// Per family: more than half of the canaries wrong (unknown counts as wrong), or, where the family
// has no canary to ask, at least 10 and half of the endpoints that were open before and were asked
// now are open no longer. With canaries that are right a mass loss is the hosts' own, and is
// reported as such: calling it blindness would freeze the findings for good.
std::array<bool, 2> BlindFamilies(std::span<const CanaryReading> canaries,
                                  std::span<const AddressStates> before, const Snapshot& snapshot);

// Per family: something vouches that packets travel both ways, so that silence means something: a
// canary that is right, or any answer at all. Without it silence proves nothing and resolves no
// finding.
std::array<bool, 2> VouchedFamilies(std::span<const CanaryReading> canaries,
                                    const Snapshot& snapshot);

}  // namespace postern::drift

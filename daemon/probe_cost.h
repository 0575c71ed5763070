// What it costs to ask ports, by what they did when they were asked last: a port that answers takes
// one probe, a silent one takes all tries.
#pragma once

#include <cstdint>
#include <span>

#include "core/snapshot.h"
#include "scanner/scan.h"

namespace postern::daemon {

// The tries of a silent port where nothing is lost on the way.
inline constexpr std::uint64_t kUsualTries = 3;

struct PortsLastSeen {
  std::uint64_t answered = 0;  // open, closed or rejected
  std::uint64_t silent = 0;
  std::uint64_t unseen = 0;  // no run has a verdict on them

  PortsLastSeen& operator+=(const PortsLastSeen& other);
  // Probes for all of them, where an unseen port may turn out to be silent.
  std::uint64_t Probes(std::uint64_t tries) const { return answered + (silent + unseen) * tries; }

  friend bool operator==(const PortsLastSeen&, const PortsLastSeen&) = default;
};

// Counts `ports` by what is known of their address; null: nothing.
PortsLastSeen CountLastSeen(const PortSet& ports, const AddressStates* known);

// Counts the endpoints of a plan by what is known of its addresses, each of `known` once.
PortsLastSeen CountLastSeen(const scanner::ScanPlan& plan, std::span<const AddressStates> known);

}  // namespace postern::daemon

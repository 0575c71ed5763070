// What changed between two scans: a pure function.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/observed_scan.h"

namespace postern::drift {

// One side of a change. The view lives as long as the scan.
struct Seen {
  PortState state = PortState::kUnknown;
  std::optional<std::string_view> service;

  bool operator==(const Seen&) const = default;
};

// Ports of one address and protocol that changed alike.
struct PortChange {
  IpAddress address;
  Protocol protocol = Protocol::kTcp;
  PortRange ports;
  Seen before;
  Seen after;

  bool operator==(const PortChange&) const = default;
};

// An address that could not be compared, and why.
struct NotCompared {
  enum class Why : std::uint8_t {
    kOnlyBefore,   // the new scan did not ask it
    kOnlyAfter,    // the old scan did not ask it
    kDownBefore,   // it did not answer the old scan's discovery, so its ports were not asked
    kDownAfter,    // the same for the new scan
    kNothingKnown  // both asked it, but have no port in common that both know
  };

  IpAddress address;
  Why why = Why::kNothingKnown;

  bool operator==(const NotCompared&) const = default;
};

struct ScanDiff {
  std::vector<PortChange> changes;        // ascending by address, protocol and port
  std::vector<NotCompared> not_compared;  // ascending by address
  std::uint64_t hosts = 0;                // of which something was compared
  std::uint64_t endpoints = 0;            // that both asked and know
  // Endpoints that both asked and one does not know; no difference.
  std::uint64_t unknown = 0;
};

// Compares states, and services where both sides know one. A different reason for the same state is
// no difference. Views in the result point into the scans.
ScanDiff Diff(const ObservedScan& before, const ObservedScan& after);

}  // namespace postern::drift

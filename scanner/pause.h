// Until when a scan has to wait before its next packet, and what for.
#pragma once

#include <chrono>

#include "core/scan_bound.h"

namespace postern::scanner {

struct Pause {
  using Time = std::chrono::steady_clock::time_point;

  Time until;
  ScanBound bound = ScanBound::kPath;

  friend bool operator==(const Pause&, const Pause&) = default;
};

// Returns the pause that ends last; the first of two that end together.
inline Pause Longer(const Pause& a, const Pause& b) { return b.until > a.until ? b : a; }

}  // namespace postern::scanner

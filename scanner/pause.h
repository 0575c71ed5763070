// Until when a scan has to wait before its next packet, and what for.
#pragma once

#include <algorithm>
#include <chrono>
#include <initializer_list>

#include "core/scan_bound.h"

namespace postern::scanner {

struct Pause {
  using Time = std::chrono::steady_clock::time_point;

  Time until;
  ScanBound bound = ScanBound::kPath;

  friend bool operator==(const Pause&, const Pause&) = default;
};

// Returns the pause that ends last; the first of those that end together. REQUIRES: there is one.
inline Pause Longest(std::initializer_list<Pause> pauses) {
  return *std::max_element(pauses.begin(), pauses.end(),
                           [](const Pause& a, const Pause& b) { return a.until < b.until; });
}

}  // namespace postern::scanner

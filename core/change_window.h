// Windows of change: while one lasts, notifications about what it selects wait. Scanning, findings
// and metrics go on as ever.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "core/drift.h"
#include "core/prefix.h"
#include "core/time.h"

namespace postern {

// The longest that one window may last, so that a forgotten one cannot silence a host for good.
inline constexpr Duration kMaxChangeWindow = std::chrono::hours(24 * 30);

// What a window is about. Of each kind that is given one value has to fit, and all kinds together:
// hosts [a, b] and owners [c] select what is of host a or b and of owner c.
struct WindowSelector {
  std::vector<std::string> hosts;
  std::vector<std::string> owners;
  std::vector<Prefix> networks;
  std::map<std::string, std::string> labels;

  bool empty() const;
  // A drift that belongs to no host (viewpoint_blind, coverage_stale) is never selected: it says
  // that Postern itself cannot be relied on.
  bool Covers(const Drift& drift) const;

  bool operator==(const WindowSelector&) const = default;
};

// "host web-1, web-2; owner dba; network 192.0.2.0/24; label env=test".
std::string ToString(const WindowSelector& selector);

// A window that an operator opened by `postern pause`. Its selector has no labels, and its lists
// are ascending without repetitions.
struct OperatorWindow {
  WindowSelector selector;
  std::string by;  // a user name of this machine
  std::string reason;
  TimePoint since;
  TimePoint until;

  bool operator==(const OperatorWindow&) const = default;
};

// News of a finding that wait for the end of a window of change.
struct HeldNews {
  std::string window;  // in words: "window patching: CHG-7"
  TimePoint since;     // of the oldest

  bool operator==(const HeldNews&) const = default;
};

}  // namespace postern

// What the rows in force are known to hold already, so that a run that saw the same once more need
// not read them. Private to the store.
//
// True only while nobody else writes: the writer's own memory, not thread-safe. It must forget
// whatever a transaction noted that was not committed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "core/endpoint.h"
#include "core/port_states.h"

namespace postern::storage {

// One address and protocol in one series.
struct Track {
  std::int64_t series = 0;
  IpAddress address;
  Protocol protocol = Protocol::kTcp;

  auto operator<=>(const Track&) const = default;
};

class HeldStates {
 public:
  // Whether recording `seen` would change nothing. False where it is not known.
  bool Holds(const Track& track, const PortStates& seen) const {
    const auto known = held_.find(track);
    return known != held_.end() && std::ranges::find(known->second, seen) != known->second.end();
  }
  // `seen` was recorded and changed nothing.
  void Add(const Track& track, const PortStates& seen) {
    if (seen.ranges().size() > kMostRanges) return;
    auto& known = held_[track];
    if (known.size() < kMostSeen) known.push_back(seen);
  }
  // `seen` was recorded and changed something.
  void Replace(const Track& track, const PortStates& seen) {
    held_.erase(track);
    Add(track, seen);
  }
  void Clear() { held_.clear(); }

 private:
  // A daily sweep has 96 slices, and there are a few scans more. A host whose ports are a patchwork
  // is read each time rather than kept.
  static constexpr std::size_t kMostSeen = 128;
  static constexpr std::size_t kMostRanges = 32;

  std::map<Track, std::vector<PortStates>> held_;
};

}  // namespace postern::storage

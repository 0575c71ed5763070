#include "policy/find_overlaps.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace postern::policy {
namespace {

struct PlacedRange {
  PortRange ports;
  std::size_t claim;
};

std::vector<PlacedRange> RangesSeen(std::span<const Claim> claims, std::string_view viewpoint,
                                    Family family, Protocol protocol) {
  std::vector<PlacedRange> ranges;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    if (!claims[i].reach->Covers(viewpoint, family)) continue;
    for (const auto& range : claims[i].ports->ranges(protocol)) ranges.push_back({range, i});
  }
  std::sort(ranges.begin(), ranges.end(), [](const PlacedRange& a, const PlacedRange& b) {
    return a.ports.first < b.ports.first;
  });
  return ranges;
}

// Walks the ranges upwards. `reaching` holds, for each meaning, the range that reaches farthest.
void Sweep(std::span<const Claim> claims, const std::vector<PlacedRange>& ranges,
           std::set<Overlap>& overlaps) {
  std::vector<PlacedRange> reaching;
  for (const auto& range : ranges) {
    std::erase_if(reaching, [&](const PlacedRange& r) { return r.ports.last < range.ports.first; });
    PlacedRange* same = nullptr;
    for (auto& other : reaching) {
      if (claims[other.claim].meaning == claims[range.claim].meaning) {
        same = &other;
      } else {
        overlaps.insert({std::min(other.claim, range.claim), std::max(other.claim, range.claim)});
      }
    }
    if (overlaps.size() >= kMostOverlaps) return;
    if (same == nullptr) {
      reaching.push_back(range);
    } else if (same->ports.last < range.ports.last) {
      *same = range;
    }
  }
}

}  // namespace

std::vector<Overlap> FindOverlaps(std::span<const Claim> claims) {
  // The empty name stands for every viewpoint that no claim names.
  std::set<std::string_view> viewpoints{""};
  for (const auto& claim : claims) {
    viewpoints.insert(claim.reach->from.begin(), claim.reach->from.end());
  }
  std::set<Overlap> overlaps;
  for (const auto viewpoint : viewpoints) {
    for (const auto family : kFamilies) {
      for (const auto protocol : kProtocols) {
        Sweep(claims, RangesSeen(claims, viewpoint, family, protocol), overlaps);
        if (overlaps.size() >= kMostOverlaps) return {overlaps.begin(), overlaps.end()};
      }
    }
  }
  return {overlaps.begin(), overlaps.end()};
}

}  // namespace postern::policy

// Finds rules of one level that claim the same port from the same viewpoint over the same family
// and do not mean the same.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/port_set.h"
#include "policy/policy.h"

namespace postern::policy {

struct Claim {
  const PortSet* ports = nullptr;
  const Reach* reach = nullptr;
  std::size_t meaning = 0;  // equal for claims that say the same
};

struct Overlap {
  std::size_t first = 0;  // indexes of claims; first < second
  std::size_t second = 0;

  auto operator<=>(const Overlap&) const = default;
};

// Ascending, each pair once. Where many claims overlap each other not every pair is named, but at
// least one is, and at most about kMostOverlaps. O(n log n) for each viewpoint that a claim names.
inline constexpr std::size_t kMostOverlaps = 100;
std::vector<Overlap> FindOverlaps(std::span<const Claim> claims);

}  // namespace postern::policy

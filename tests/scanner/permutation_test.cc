#include "scanner/permutation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace postern::scanner {
namespace {

std::vector<std::uint64_t> Order(std::uint64_t n, std::uint64_t seed) {
  const Permutation permutation(n, seed);
  std::vector<std::uint64_t> order;
  for (std::uint64_t i = 0; i < n; ++i) order.push_back(permutation.At(i));
  return order;
}

void ExpectEachOnce(std::uint64_t n, std::uint64_t seed) {
  std::vector<int> visits(n);
  for (const auto element : Order(n, seed)) {
    ASSERT_LT(element, n);
    ++visits[element];
  }
  EXPECT_EQ(visits, std::vector<int>(n, 1)) << "n " << n << ", seed " << seed;
}

TEST(Permutation, VisitsEachElementOnce) {
  for (std::uint64_t n = 1; n <= 300; ++n) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) ExpectEachOnce(n, seed);
  }
  for (const std::uint64_t n : {4095U, 4096U, 4097U, 131070U, 1000003U}) ExpectEachOnce(n, n);
}

TEST(Permutation, IsTheSameForTheSameSeedOnly) {
  EXPECT_EQ(Order(1000, 7), Order(1000, 7));
  EXPECT_NE(Order(1000, 7), Order(1000, 8));
}

TEST(Permutation, LeavesFewNeighboursTogether) {
  const auto order = Order(65535, 1);
  int neighbours = 0;
  for (std::size_t i = 1; i < order.size(); ++i) neighbours += order[i] == order[i - 1] + 1;
  EXPECT_LT(neighbours, 20);  // one is expected of a random order
}

TEST(Permutation, StaysInsideTheLargestRange) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  const Permutation permutation(kMost, 3);
  EXPECT_LT(permutation.At(0), kMost);
  EXPECT_LT(permutation.At(kMost - 1), kMost);
}

}  // namespace
}  // namespace postern::scanner

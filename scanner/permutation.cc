#include "scanner/permutation.h"

#include <algorithm>
#include <bit>

namespace postern::scanner {
namespace {

// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
// generators", 2014).
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// Half of an even number of bits that hold 0 to n - 1.
int HalfBits(std::uint64_t n) {
  const auto bits = static_cast<int>(std::bit_width(n == 0 ? 0 : n - 1));
  return std::max(1, (bits + 1) / 2);
}

}  // namespace

Permutation::Permutation(std::uint64_t n, std::uint64_t seed) : n_(n), half_bits_(HalfBits(n)) {
  for (auto& key : keys_) {
    seed += 0x9e3779b97f4a7c15ULL;
    key = Mix(seed);
  }
}

std::uint64_t Permutation::At(std::uint64_t i) const {
  // The network permutes less than 4n values, so that few steps lead back into the range.
  do {
    i = Shuffle(i);
  } while (i >= n_);
  return i;
}

std::uint64_t Permutation::Shuffle(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & mask;
  for (const auto key : keys_) {
    const auto next = left ^ (Mix(right ^ key) & mask);
    left = right;
    right = next;
  }
  return (left << half_bits_) | right;
}

}  // namespace postern::scanner

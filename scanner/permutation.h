// A seeded order over [0, n) without memory: a Feistel network, cycle-walked into the range.
#pragma once

#include <array>
#include <cstdint>

namespace postern::scanner {

// Immutable; safe to use from several threads.
class Permutation {
 public:
  // The same n and seed give the same order.
  Permutation(std::uint64_t n, std::uint64_t seed);

  std::uint64_t size() const { return n_; }
  // Position i's element; every element of [0, n) stands at one position. Precondition: i < size().
  std::uint64_t At(std::uint64_t i) const;

 private:
  // Luby and Rackoff: four rounds of a good round function make a permutation that looks random.
  static constexpr int kRounds = 4;

  std::uint64_t Shuffle(std::uint64_t value) const;

  std::uint64_t n_;
  int half_bits_;
  std::array<std::uint64_t, kRounds> keys_{};
};

}  // namespace postern::scanner

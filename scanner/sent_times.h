// When probes were sent, for a sample of them: each new one takes the place of an older one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace postern::scanner {

// Not thread-safe.
class SentTimes {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void Remember(std::uint64_t index, int round, Time sent) {
    entries_[index % kEntries] = {index, round, sent};
  }
  // None if another probe has taken the place.
  std::optional<Time> Find(std::uint64_t index, int round) const {
    const Entry& entry = entries_[index % kEntries];
    if (entry.index != index || entry.round != round) return std::nullopt;
    return entry.sent;
  }

 private:
  // What a scan sends in a tenth of a second at most.
  static constexpr std::size_t kEntries = 1 << 16;

  struct Entry {
    std::uint64_t index = 0;
    int round = 0;
    Time sent;
  };
  std::vector<Entry> entries_ = std::vector<Entry>(kEntries);
};

}  // namespace postern::scanner

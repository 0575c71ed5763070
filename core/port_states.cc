#include "core/port_states.h"

#include <algorithm>
#include <array>
#include <map>

namespace postern {
namespace {

constexpr auto kPortStates = static_cast<std::size_t>(PortState::kOpenFiltered) + 1;

// The index of the first range that ends at or behind `port`.
std::size_t FirstAt(const std::vector<PortStates::Range>& ranges, std::uint16_t port) {
  const auto at = std::lower_bound(
      ranges.begin(), ranges.end(), port,
      [](const PortStates::Range& range, std::uint16_t p) { return range.ports.last < p; });
  return static_cast<std::size_t>(at - ranges.begin());
}

// Whether `newer` has every port from the first to the last of `older`.
bool Covers(const std::vector<PortStates::Range>& newer,
            const std::vector<PortStates::Range>& older) {
  if (older.empty()) return true;
  auto at = newer.begin() + static_cast<std::ptrdiff_t>(FirstAt(newer, older.front().ports.first));
  if (at == newer.end() || at->ports.first > older.front().ports.first) return false;
  for (; at->ports.last < older.back().ports.last; ++at) {
    const auto next = at + 1;
    if (next == newer.end() || next->ports.first != at->ports.last + 1) return false;
  }
  return true;
}

}  // namespace

void PortStates::Append(PortRange ports, const Verdict& verdict) {
  if (!ranges_.empty()) {
    Range& back = ranges_.back();
    if (back.verdict == verdict && back.ports.last + 1 == ports.first) {
      back.ports.last = ports.last;
      return;
    }
  }
  ranges_.push_back({ports, verdict});
}

void PortStates::Overlay(const PortStates& newer) {
  if (Covers(newer.ranges_, ranges_)) {
    ranges_ = newer.ranges_;
    return;
  }
  PortStates merged;
  merged.ranges_.reserve(ranges_.size() + 2 * newer.ranges_.size());
  std::uint32_t next = 1;  // the first port not yet laid down
  std::size_t old = 0;
  const auto copy_old_below = [&](std::uint32_t end) {
    while (old < ranges_.size()) {
      const auto& range = ranges_[old];
      const auto first = std::max<std::uint32_t>(range.ports.first, next);
      const auto last = std::min<std::uint32_t>(range.ports.last, end - 1);
      if (first <= last) {
        merged.Append({static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)},
                      range.verdict);
      }
      if (range.ports.last >= end) break;
      ++old;
    }
  };
  for (const auto& range : newer.ranges_) {
    copy_old_below(range.ports.first);
    merged.Append(range.ports, range.verdict);
    next = std::uint32_t{range.ports.last} + 1;
  }
  copy_old_below(65536);
  // No more memory than the ranges take: a large network is millions of them.
  ranges_.assign(merged.ranges_.begin(), merged.ranges_.end());
}

PortStates PortStates::Restricted(const std::vector<PortRange>& ports) const {
  PortStates part;
  for (const auto& wanted : ports) {
    for (auto i = FirstAt(ranges_, wanted.first);
         i < ranges_.size() && ranges_[i].ports.first <= wanted.last; ++i) {
      part.Append({std::max(wanted.first, ranges_[i].ports.first),
                   std::min(wanted.last, ranges_[i].ports.last)},
                  ranges_[i].verdict);
    }
  }
  return part;
}

PortStates PortStates::Known() const {
  PortStates known;
  known.ranges_.reserve(ranges_.size());
  for (const auto& range : ranges_) {
    if (range.verdict.state != PortState::kUnknown) known.Append(range.ports, range.verdict);
  }
  return known;
}

std::optional<Verdict> PortStates::At(std::uint16_t port) const {
  const auto i = FirstAt(ranges_, port);
  if (i == ranges_.size() || ranges_[i].ports.first > port) return std::nullopt;
  return ranges_[i].verdict;
}

std::optional<Verdict> PortStates::MostCommon() const {
  std::map<Verdict, std::size_t> counts;
  // By state, the verdict that had it last: nearly always the one that has it next.
  std::array<decltype(counts)::iterator, kPortStates> last;
  last.fill(counts.end());
  for (const auto& range : ranges_) {
    if (range.verdict.state == PortState::kUnknown) continue;
    auto& at = last[static_cast<std::size_t>(range.verdict.state)];
    if (at == counts.end() || at->first != range.verdict) {
      at = counts.try_emplace(range.verdict).first;
    }
    at->second += range.ports.size();
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == counts.end()) return std::nullopt;
  return most->first;
}

std::size_t PortStates::Count(PortState state) const {
  std::size_t count = 0;
  for (const auto& range : ranges_) {
    if (range.verdict.state == state) count += range.ports.size();
  }
  return count;
}

std::size_t PortStates::size() const {
  std::size_t count = 0;
  for (const auto& range : ranges_) count += range.ports.size();
  return count;
}

std::vector<PortRange> PortStates::Asked() const {
  std::vector<PortRange> asked;
  for (const auto& range : ranges_) {
    if (!asked.empty() && asked.back().last + 1 == range.ports.first) {
      asked.back().last = range.ports.last;
    } else {
      asked.push_back(range.ports);
    }
  }
  return asked;
}

}  // namespace postern

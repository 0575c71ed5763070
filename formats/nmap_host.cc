#include "formats/nmap_host.h"

#include <algorithm>

#include "formats/nmap_words.h"

namespace postern::formats {
namespace {

using Stretches = std::vector<PortStates::Range>;

bool ByPort(const PortStates::Range& a, const PortStates::Range& b) {
  return a.ports.first < b.ports.first;
}

// The parts of `asked` that no stretch covers. Both ascending and disjoint.
std::vector<PortRange> Gaps(const std::vector<PortRange>& asked, const Stretches& stretches) {
  std::vector<PortRange> gaps;
  std::size_t i = 0;
  for (const auto& range : asked) {
    std::uint32_t next = range.first;
    while (i < stretches.size() && stretches[i].ports.last < next) ++i;
    for (; i < stretches.size() && stretches[i].ports.first <= range.last; ++i) {
      const auto& covered = stretches[i].ports;
      if (covered.first > next) {
        gaps.push_back(
            {static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(covered.first - 1)});
      }
      next = std::uint32_t{covered.last} + 1;
      if (covered.last >= range.last) break;
    }
    if (next <= range.last) gaps.push_back({static_cast<std::uint16_t>(next), range.last});
  }
  return gaps;
}

// Of a range that stands several times, as where somebody joined files, the last one counts.
// REQUIRES: sorted by port, in the order of the file where equal.
void KeepLastOfRepeated(Stretches& stretches) {
  const auto same = [](const auto& a, const auto& b) { return a.ports == b.ports; };
  const auto first = std::unique(stretches.rbegin(), stretches.rend(), same).base();
  stretches.erase(stretches.begin(), first);
}

std::size_t CountOf(const std::vector<PortRange>& ranges) {
  std::size_t count = 0;
  for (const auto& range : ranges) count += range.size();
  return count;
}

}  // namespace

Result<AddressStates> NmapHost::States(const PortSet& asked) && {
  std::array<std::vector<PortRange>, 2> gaps;
  std::size_t unlisted = 0;
  for (const auto protocol : kProtocols) {
    const auto at = static_cast<std::size_t>(protocol);
    auto& own = stretches[at];
    if (!std::is_sorted(own.begin(), own.end(), ByPort)) {
      std::stable_sort(own.begin(), own.end(), ByPort);
    }
    KeepLastOfRepeated(own);
    const auto twice = std::adjacent_find(own.begin(), own.end(), [](const auto& a, const auto& b) {
      return a.ports.last >= b.ports.first;
    });
    if (twice != own.end()) {
      return Error{"port " + std::string(ToString(protocol)) + "/" +
                   std::to_string(std::next(twice)->ports.first) + " of " + address->ToString() +
                   " has two states"};
    }
    gaps[at] = Gaps(asked.ranges(protocol), own);
    unlisted += CountOf(gaps[at]);
  }

  std::erase_if(summed_up, [](const SummedUp& group) { return group.count == 0; });
  const bool is_certain = summed_up.size() == 1 && summed_up.front().count == unlisted;
  AddressStates states{*address, {}};
  for (const auto protocol : kProtocols) {
    const auto at = static_cast<std::size_t>(protocol);
    Verdict rest;
    if (is_certain) {
      const auto& group = summed_up.front();
      rest = {group.state,
              NmapReason(group.reason.value_or(""), group.state, protocol, address->family())};
    }
    auto& all = stretches[at];
    const auto listed = static_cast<std::ptrdiff_t>(all.size());
    for (const auto& gap : gaps[at]) all.push_back({gap, rest});
    std::inplace_merge(all.begin(), all.begin() + listed, all.end(), ByPort);
    for (const auto& stretch : all) states.of(protocol).Append(stretch.ports, stretch.verdict);
  }
  return states;
}

}  // namespace postern::formats

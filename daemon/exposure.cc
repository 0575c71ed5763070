#include "daemon/exposure.h"

#include <algorithm>
#include <set>

namespace postern::daemon {
namespace {

bool IsKnown(const drift::JudgedAddress& at) {
  return !at.now.of(Protocol::kTcp).empty() || !at.now.of(Protocol::kUdp).empty();
}

bool Answers(const drift::JudgedAddress& at) {
  if (at.absence) return false;
  return std::any_of(kProtocols.begin(), kProtocols.end(), [&](Protocol protocol) {
    const auto& ranges = at.now.of(protocol).ranges();
    return std::any_of(ranges.begin(), ranges.end(), [](const PortStates::Range& range) {
      return !IsSilence(range.verdict.reason);
    });
  });
}

std::size_t CountUnknown(const PortStates& known, const std::vector<PortRange>& asked) {
  std::size_t count = 0;
  for (const auto& range : asked) count += range.size();
  return count - known.Restricted(asked).size();
}

}  // namespace

exporters::EndpointCounts CountEndpoints(std::span<const drift::JudgedAddress> addresses,
                                         std::span<const PortSet> asked) {
  exporters::EndpointCounts counts;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto family = addresses[i].address().family();
    for (const auto protocol : kProtocols) {
      const auto& known = addresses[i].now.of(protocol);
      for (const auto& range : known.ranges()) {
        counts[{family, protocol, range.verdict.state}] += range.ports.size();
      }
      counts[{family, protocol, PortState::kUnknown}] +=
          CountUnknown(known, asked[i].ranges(protocol));
    }
  }
  return counts;
}

void AddUnanswered(std::span<const Target> unanswered, std::span<const PortSet> asked,
                   exporters::EndpointCounts& counts) {
  for (std::size_t i = 0; i < unanswered.size(); ++i) {
    for (const auto protocol : kProtocols) {
      auto& count = counts[{unanswered[i].address.family(), protocol, PortState::kUnknown}];
      for (const auto& range : asked[i].ranges(protocol)) count += range.size();
    }
  }
}

exporters::HostCounts CountHosts(std::span<const drift::JudgedAddress> addresses,
                                 std::span<const Target> unanswered,
                                 std::span<const Finding> findings) {
  std::set<const policy::Host*> doubtful;
  for (const auto& target : unanswered) doubtful.insert(target.host);
  exporters::HostCounts counts;
  counts.unlisted = static_cast<std::uint64_t>(std::ranges::count_if(findings, [](const auto& one) {
    return one.drift.kind == DriftKind::kUnlistedHost && one.state != FindingState::kResolved;
  }));
  for (std::size_t begin = 0; begin < addresses.size();) {
    std::size_t end = begin;
    bool known = false;
    bool up = false;
    for (; end < addresses.size() && addresses[end].host == addresses[begin].host; ++end) {
      known = known || IsKnown(addresses[end]);
      up = up || Answers(addresses[end]);
    }
    const bool doubted = doubtful.erase(addresses[begin].host) > 0;
    ++(up ? counts.up : known && !doubted ? counts.silent : counts.unknown);
    begin = end;
  }
  counts.unknown += doubtful.size();
  return counts;
}

}  // namespace postern::daemon

#include "daemon/exposure.h"

#include <algorithm>

namespace postern::daemon {
namespace {

bool IsKnown(const drift::JudgedAddress& at) {
  return !at.now.of(Protocol::kTcp).empty() || !at.now.of(Protocol::kUdp).empty();
}

bool Answers(const drift::JudgedAddress& at) {
  return std::any_of(kProtocols.begin(), kProtocols.end(), [&](Protocol protocol) {
    const auto& ranges = at.now.of(protocol).ranges();
    return std::any_of(ranges.begin(), ranges.end(), [](const PortStates::Range& range) {
      return !IsSilence(range.verdict.reason);
    });
  });
}

}  // namespace

exporters::EndpointCounts CountEndpoints(std::span<const drift::JudgedAddress> addresses) {
  exporters::EndpointCounts counts;
  for (const auto& at : addresses) {
    for (const auto protocol : kProtocols) {
      for (const auto& range : at.now.of(protocol).ranges()) {
        counts[{at.address().family(), protocol, range.verdict.state}] += range.ports.size();
      }
    }
  }
  return counts;
}

exporters::HostCounts CountHosts(std::span<const drift::JudgedAddress> addresses,
                                 std::span<const Finding> findings) {
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
    ++(up ? counts.up : known ? counts.silent : counts.unknown);
    begin = end;
  }
  return counts;
}

}  // namespace postern::daemon

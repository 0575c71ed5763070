#include "drift/viewpoint_trust.h"

#include <algorithm>

namespace postern::drift {
namespace {

// semantics, viewpoint_blind.
constexpr std::size_t kFewestLostEndpoints = 10;

std::size_t Index(const IpAddress& address) { return static_cast<std::size_t>(address.family()); }

struct OpenBefore {
  std::size_t asked = 0;  // open before and known now
  std::size_t lost = 0;   // of these, not open now
};

void CountLost(const PortStates& before, const PortStates& now, OpenBefore& count) {
  for (const auto& range : before.ranges()) {
    if (range.verdict.state != PortState::kOpen) continue;
    const auto seen = now.Restricted({range.ports});
    const auto known = seen.size() - seen.Count(PortState::kUnknown);
    count.asked += known;
    count.lost += known - seen.Count(PortState::kOpen);
  }
}

std::array<OpenBefore, 2> CountLost(std::span<const AddressStates> before,
                                    const Snapshot& snapshot) {
  std::array<OpenBefore, 2> counts{};
  for (const auto& address : before) {
    const auto* seen = snapshot.Find(address.address);
    if (seen == nullptr) continue;
    for (const auto protocol : kProtocols) {
      CountLost(address.of(protocol), seen->of(protocol), counts[Index(address.address)]);
    }
  }
  return counts;
}

bool Answered(const AddressStates& states) {
  return std::any_of(kProtocols.begin(), kProtocols.end(), [&](Protocol protocol) {
    const auto& ranges = states.of(protocol).ranges();
    return std::any_of(ranges.begin(), ranges.end(), [](const PortStates::Range& range) {
      return range.verdict.state != PortState::kUnknown && !IsSilence(range.verdict.reason);
    });
  });
}

}  // namespace

std::array<bool, 2> BlindFamilies(std::span<const CanaryReading> canaries,
                                  std::span<const AddressStates> before, const Snapshot& snapshot) {
  std::array<std::size_t, 2> asked{};
  std::array<std::size_t, 2> wrong{};
  for (const auto& canary : canaries) {
    ++asked[Index(canary.endpoint.address)];
    if (canary.observed != canary.expected) ++wrong[Index(canary.endpoint.address)];
  }
  const auto lost = CountLost(before, snapshot);
  std::array<bool, 2> blind{};
  for (std::size_t family = 0; family < blind.size(); ++family) {
    const bool mass_loss = asked[family] == 0 && lost[family].lost >= kFewestLostEndpoints &&
                           lost[family].lost * 2 >= lost[family].asked;
    blind[family] = wrong[family] * 2 > asked[family] || mass_loss;
  }
  return blind;
}

std::array<bool, 2> VouchedFamilies(std::span<const CanaryReading> canaries,
                                    const Snapshot& snapshot) {
  std::array<bool, 2> vouched{};
  for (const auto& canary : canaries) {
    if (canary.observed == canary.expected) vouched[Index(canary.endpoint.address)] = true;
  }
  for (const auto& address : snapshot.addresses) {
    if (Answered(address)) vouched[Index(address.address)] = true;
  }
  return vouched;
}

}  // namespace postern::drift

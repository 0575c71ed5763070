#include "drift/viewpoint_trust.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace postern::drift {
namespace {

// semantics, viewpoint_blind.
constexpr std::size_t kFewestLostEndpoints = 10;
// A sentence shows so many wrong canaries.
constexpr std::size_t kShownCanaries = 4;
// What Drift::rule says of a blindness that canaries show.
constexpr std::string_view kCanaries = "canaries";

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

// The canaries of one family that were allowed to be asked, and how they read.
struct CanaryCount {
  std::size_t configured = 0;
  std::size_t asked = 0;
  std::vector<const CanaryReading*> wrong;
};

std::array<CanaryCount, 2> CountCanaries(std::span<const CanaryReading> canaries) {
  std::array<CanaryCount, 2> counts{};
  for (const auto& canary : canaries) {
    auto& count = counts[Index(canary.endpoint.address)];
    ++count.configured;
    if (!canary.allowed) continue;
    ++count.asked;
    if (canary.observed != canary.expected) count.wrong.push_back(&canary);
  }
  return counts;
}

// "192.0.2.1 tcp/80 must be open and is filtered"
std::string Describe(const CanaryReading& canary) {
  const auto& [address, protocol, port] = canary.endpoint;
  return address.ToString() + " " + std::string(ToString(protocol)) + "/" + std::to_string(port) +
         " must be " + std::string(ToString(canary.expected)) + " and is " +
         std::string(ToString(canary.observed));
}

std::string Describe(const CanaryCount& count) {
  std::string text = std::to_string(count.wrong.size()) + " of " + std::to_string(count.asked) +
                     " canaries are wrong: ";
  const auto shown = std::min(count.wrong.size(), kShownCanaries);
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : "; ") + Describe(*count.wrong[i]);
  const auto others = count.wrong.size() - shown;
  return others == 0 ? text : text + "; and " + std::to_string(others) + " more";
}

bool IsMassLoss(const OpenBefore& count) {
  return count.lost >= kFewestLostEndpoints && count.lost * 2 >= count.asked;
}

ViewpointSight SightBy(const CanaryCount& count) {
  if (count.asked == 0) return {ViewpointSight::Proof::kNone, true, {}};
  if (count.wrong.size() * 2 > count.asked)
    return {ViewpointSight::Proof::kBlind, true, Describe(count)};
  return {ViewpointSight::Proof::kSees, true, {}};
}

ViewpointSight SightBy(const OpenBefore& count) {
  if (IsMassLoss(count)) {
    return {ViewpointSight::Proof::kBlind, false,
            std::to_string(count.lost) + " of " + std::to_string(count.asked) +
                " ports that were open are open no longer, and no canary is configured"};
  }
  const bool sees = count.lost * 2 < count.asked;
  return {sees ? ViewpointSight::Proof::kSees : ViewpointSight::Proof::kNone, false, {}};
}

// kNone < kSees < kBlind.
bool IsBetter(const ViewpointSight& a, const ViewpointSight& b) { return a.proof < b.proof; }

IpAddress Unspecified(Family family) {
  static constexpr std::array<std::uint8_t, 16> kZeros{};
  return *IpAddress::FromBytes(std::span(kZeros).first(family == Family::kIpv4 ? 4 : 16));
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
    const bool mass_loss = asked[family] == 0 && IsMassLoss(lost[family]);
    blind[family] = wrong[family] * 2 > asked[family] || mass_loss;
  }
  return blind;
}

std::array<ViewpointSight, 2> SightOf(std::span<const CanaryReading> canaries,
                                      std::span<const AddressStates> before,
                                      const Snapshot& snapshot) {
  const auto read = CountCanaries(canaries);
  const auto lost = CountLost(before, snapshot);
  std::array<ViewpointSight, 2> sight;
  for (std::size_t family = 0; family < sight.size(); ++family) {
    sight[family] = read[family].configured > 0 ? SightBy(read[family]) : SightBy(lost[family]);
  }
  return sight;
}

std::array<ViewpointSight, 2> Worse(const std::array<ViewpointSight, 2>& a,
                                    const std::array<ViewpointSight, 2>& b) {
  return {std::max(a[0], b[0], IsBetter), std::max(a[1], b[1], IsBetter)};
}

std::vector<Drift> BlindnessDrift(const std::array<ViewpointSight, 2>& sight) {
  std::vector<Drift> drifts;
  for (const auto family : kFamilies) {
    const auto& of_family = sight[static_cast<std::size_t>(family)];
    if (of_family.proof != ViewpointSight::Proof::kBlind) continue;
    Drift drift;
    drift.kind = DriftKind::kViewpointBlind;
    drift.severity = Severity::kCritical;
    drift.subject = ToString(family);
    drift.address = Unspecified(family);
    drift.expected = of_family.by_canaries ? "at least half of the canaries as configured"
                                           : "most ports that were open to be open still";
    drift.rule = of_family.by_canaries ? kCanaries : "no canaries";
    drift.detail = of_family.why;
    drifts.push_back(std::move(drift));
  }
  return drifts;
}

std::optional<Resolution> EndOfBlindness(const Drift& drift,
                                         const std::array<bool, 2>& has_canaries) {
  if (drift.rule == kCanaries && !has_canaries[Index(drift.address)]) return Resolution::kWithdrawn;
  return std::nullopt;
}

}  // namespace postern::drift

#include "drift/history_drift.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "drift/drift_of.h"
#include "policy/rules.h"

namespace postern::drift {
namespace {

using policy::ExpectedState;

// Fewer known ports than these have no most common state worth a message: with the handful that a
// policy names, one service more or less would turn it.
constexpr std::size_t kFewestPortsForCommonState = 100;

std::optional<Verdict> CommonVerdict(const PortStates& states) {
  return states.size() < kFewestPortsForCommonState ? std::nullopt : states.MostCommon();
}

// The address's change of most common state, if there was one.
std::optional<Drift> CommonStateChange(const JudgedAddress& at, Protocol protocol) {
  if (at.before.of(protocol) == at.now.of(protocol)) return std::nullopt;
  const auto before = CommonVerdict(at.before.of(protocol));
  const auto now = CommonVerdict(at.now.of(protocol));
  if (!before || !now || before->state == now->state) return std::nullopt;
  auto drift = DriftOf(DriftKind::kStateChanged, at, protocol, {1, 65535}, *now, {});
  drift.expected.clear();
  drift.rule.clear();
  drift.severity = Severity::kInfo;
  drift.before = before->state;
  return drift;
}

// Calls f(ports, before, now) for every stretch of ports that opened or ceased to be open.
template <typename F>
void ForEachChange(const PortStates& before, const PortStates& now, F f) {
  auto first = before.ranges().begin();
  const auto end = before.ranges().end();
  for (const auto& range : now.ranges()) {
    while (first != end && first->ports.last < range.ports.first) ++first;
    for (auto old = first; old != end && old->ports.first <= range.ports.last; ++old) {
      const bool was_open = old->verdict.state == PortState::kOpen;
      if (was_open == (range.verdict.state == PortState::kOpen)) continue;
      f(PortRange{std::max(old->ports.first, range.ports.first),
                  std::min(old->ports.last, range.ports.last)},
        old->verdict, range.verdict);
    }
  }
}

void AddPortChanges(const JudgedAddress& at, Protocol protocol, const policy::RuleTable& rules,
                    const std::optional<Drift>& common, std::vector<Drift>& drifts) {
  const auto add = [&](PortRange ports, const Verdict& before, const Verdict& now) {
    if (common && before.state == common->before && now.state == common->observed.state) return;
    for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
      const auto number = static_cast<std::uint16_t>(port);
      const auto& decision = rules.At({protocol, number});
      if (decision.expected != ExpectedState::kAllowed) continue;
      auto drift = DriftOf(DriftKind::kStateChanged, at, protocol, {number, number}, now, decision);
      if (!decision.rule || !decision.rule->severity) drift.severity = Severity::kInfo;
      drift.before = before.state;
      drifts.push_back(std::move(drift));
    }
  };
  ForEachChange(at.before.of(protocol), at.fresh.of(protocol), add);
}

}  // namespace

std::vector<Drift> HistoryDrift(const policy::Policy& policy, std::string_view viewpoint,
                                std::span<const JudgedAddress> addresses) {
  std::vector<Drift> drifts;
  for (const auto& at : addresses) {
    if (at.fresh.of(Protocol::kTcp).empty() && at.fresh.of(Protocol::kUdp).empty()) continue;
    const policy::RuleTable rules(policy, *at.host, viewpoint, at.address().family());
    for (const auto protocol : kProtocols) {
      auto common = CommonStateChange(at, protocol);
      AddPortChanges(at, protocol, rules, common, drifts);
      if (common) drifts.push_back(std::move(*common));
    }
  }
  return drifts;
}

EventEvidence EvidenceOf(const Drift& event, const JudgedAddress& at) {
  const auto& fresh = at.fresh.of(event.protocol);
  if (fresh.empty()) return EventEvidence::kNone;
  const auto verdict =
      event.port == 0 ? CommonVerdict(at.now.of(event.protocol)) : fresh.At(event.port);
  if (!verdict) return EventEvidence::kNone;
  return verdict->state == event.observed.state ? EventEvidence::kHolds : EventEvidence::kGone;
}

}  // namespace postern::drift

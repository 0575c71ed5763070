#include "drift/history_drift.h"

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
  if (at.fresh.of(protocol).empty()) return std::nullopt;
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

void AddPortChanges(const JudgedAddress& at, Protocol protocol, const policy::RuleTable& rules,
                    const std::optional<Drift>& common, std::vector<Drift>& drifts) {
  for (const auto& range : at.fresh.of(protocol).ranges()) {
    for (std::uint32_t port = range.ports.first; port <= range.ports.last; ++port) {
      const auto number = static_cast<std::uint16_t>(port);
      const auto before = at.before.of(protocol).At(number);
      if (!before || before->state == range.verdict.state) continue;
      if (before->state != PortState::kOpen && range.verdict.state != PortState::kOpen) continue;
      const auto& decision = rules.At({protocol, number});
      if (decision.expected != ExpectedState::kAllowed) continue;
      if (common && before->state == common->before &&
          range.verdict.state == common->observed.state) {
        continue;
      }
      auto drift = DriftOf(DriftKind::kStateChanged, at, protocol, {number, number}, range.verdict,
                           decision);
      if (!decision.rule || !decision.rule->severity) drift.severity = Severity::kInfo;
      drift.before = before->state;
      drifts.push_back(std::move(drift));
    }
  }
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

#include "drift/port_grounds.h"

#include <algorithm>
#include <set>

namespace postern::drift {
namespace {

// semantics: an address that left its name is withdrawn after 24 h.
constexpr auto kNameGrace = std::chrono::hours(24);

PortStates FreshOf(const JudgedAddress& at, const Drift& drift) {
  return at.fresh.of(drift.protocol).Restricted(drift.ports.ranges(drift.protocol));
}

// Whether the finding says that something answers. The others say that something does not, which
// an address that is gone bears out.
bool ClaimsAnAnswer(DriftKind kind) {
  return kind != DriftKind::kMissing && kind != DriftKind::kHostUnreachable;
}

// Whether the last trusted observations are those that made the finding.
bool StillObserved(const Finding& finding, const JudgedAddress& at) {
  const auto& drift = finding.drift;
  const auto& ranges = drift.ports.ranges(drift.protocol);
  const auto states = at.now.of(drift.protocol).Restricted(ranges);
  return finding.agreeing == 0 && !states.empty() &&
         states.Count(drift.observed.state) == states.size();
}

}  // namespace

PortGrounds::PortGrounds(const Judgement& judgement) : in_(judgement) {
  for (const auto& at : in_.addresses) addresses_by_subject_[at.subject].push_back(&at);
}

const JudgedAddress* PortGrounds::AddressOf(const Drift& drift) const {
  const auto at = addresses_by_subject_.find(drift.subject);
  if (at == addresses_by_subject_.end()) return nullptr;
  for (const auto* judged : at->second) {
    if (judged->address() == drift.address) return judged;
  }
  return nullptr;
}

bool PortGrounds::IsFresh(const Drift& drift) const {
  const auto* at = AddressOf(drift);
  if (in_.run == 0 || at == nullptr) return false;
  if (drift.kind == DriftKind::kHostUnreachable) return at->unreachable_now;
  return !FreshOf(*at, drift).empty();
}

std::optional<TimePoint> PortGrounds::UnverifiableSince(const Drift& drift) const {
  const auto* at = AddressOf(drift);
  if (at == nullptr || !at->absence || drift.kind == DriftKind::kHostUnreachable) {
    return std::nullopt;
  }
  return at->absence->since;
}

std::optional<Resolution> PortGrounds::EndOf(const Finding& finding) const {
  const auto* at = AddressOf(finding.drift);
  if (at == nullptr) {
    const auto family = finding.drift.address.family();
    if (!in_.policy->HasFamily(in_.viewpoint, family)) return Resolution::kWithdrawn;
    // Half an answer does not show that the address left its name either.
    if (in_.unresolved_names.contains(finding.drift.subject)) return std::nullopt;
    if (!addresses_by_subject_.contains(finding.drift.subject)) return Resolution::kWithdrawn;
    if (Between(finding.last_seen, in_.now) >= kNameGrace) return Resolution::kWithdrawn;
    return std::nullopt;
  }
  if (at->absence && at->absence->gone && ClaimsAnAnswer(finding.drift.kind)) {
    return Resolution::kGone;
  }
  if (finding.policy_hash == in_.policy->hash || !StillObserved(finding, *at)) {
    return std::nullopt;
  }
  return Resolution::kPolicy;
}

// A finding of many ports may be larger than what one run asks: any fresh part of it counts.
bool PortGrounds::Agrees(const Drift& drift) const {
  if (in_.run == 0 || AddressOf(drift) == nullptr) return false;
  if (in_.unresolved_names.contains(drift.subject)) return false;
  const auto& judged = addresses_by_subject_.at(drift.subject);
  return std::all_of(judged.begin(), judged.end(),
                     [&](const JudgedAddress* at) { return !FreshOf(*at, drift).empty(); });
}

std::string PortGrounds::Observed(const Drift& drift) const {
  constexpr std::size_t kMostVerdicts = 5;  // a sentence, not a list
  const auto* at = AddressOf(drift);
  if (at == nullptr) return {};
  std::set<std::string> verdicts;
  const auto fresh = FreshOf(*at, drift);
  for (const auto& range : fresh.ranges()) {
    verdicts.insert(std::string(ToString(range.verdict.state)) + " (" +
                    ToString(range.verdict.reason) + ")");
  }
  std::string text;
  std::size_t told = 0;
  for (const auto& verdict : verdicts) {
    if (++told > kMostVerdicts) return text + ", ...";
    text += (text.empty() ? "" : ", ") + verdict;
  }
  return text;
}

EventEvidence PortGrounds::EvidenceFor(const Drift& event) const {
  const auto* at = AddressOf(event);
  return in_.run == 0 || at == nullptr ? EventEvidence::kNone : EvidenceOf(event, *at);
}

}  // namespace postern::drift

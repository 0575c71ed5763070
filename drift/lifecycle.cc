#include "drift/lifecycle.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "drift/acknowledge.h"
#include "drift/grounds.h"
#include "drift/unlisted_hosts.h"

namespace postern::drift {
namespace {

// semantics: events end by themselves after 1 h.
constexpr auto kEventLife = std::chrono::hours(1);
// Methods that disagree keep an unexpected_open pending until it was seen this often.
constexpr int kRunsWithoutSecondMethod = 3;

// By what a clock is put right every now and then; more than that means that it was set.
constexpr auto kCorrection = std::chrono::hours(1);

// At its time, or where no acknowledgement can last as long as it now would.
bool IsOver(const Acknowledgement& acknowledgement, TimePoint now) {
  return now >= acknowledgement.until ||
         acknowledgement.until - now > kLongestAcknowledgement + kCorrection;
}

bool IsDelivered(FindingState state) {
  return state == FindingState::kOpen || state == FindingState::kAcknowledged ||
         state == FindingState::kAccepted;
}

class Lifecycle {
 public:
  explicit Lifecycle(const Judgement& judgement) : in_(judgement), grounds_(judgement) {
    for (const auto& drift : in_.drifts)
      drift_by_id_.emplace(FindingId(in_.viewpoint, drift), &drift);
  }

  Advance Compute(std::span<const Finding> findings) {
    for (const auto& finding : findings) {
      if (finding.viewpoint != in_.viewpoint || !grounds_.Concern(finding.drift)) continue;
      known_.insert(finding.id);
      const auto current = Lapsed(finding);
      const auto changes = out_.changed.size();
      AdvanceOne(current);
      if (current != finding && out_.changed.size() == changes) out_.changed.push_back(current);
    }
    for (const auto& [id, drift] : drift_by_id_) {
      if (!known_.contains(id)) Begin(id, *drift);
    }
    return std::move(out_);
  }

 private:
  // An acknowledgement ends at its time, whatever the run sees.
  Finding Lapsed(Finding finding) {
    if (!finding.acknowledgement || !IsOver(*finding.acknowledgement, in_.now)) return finding;
    finding.acknowledgement.reset();
    if (finding.state != FindingState::kAcknowledged) return finding;
    finding.state = FindingState::kOpen;
    Tell(finding, TransitionKind::kOpened);
    return finding;
  }

  void AdvanceOne(const Finding& finding) {
    const auto found = drift_by_id_.find(finding.id);
    const Drift* drift = found == drift_by_id_.end() ? nullptr : found->second;
    if (IsEvent(finding.drift.kind) && finding.state != FindingState::kResolved) {
      return AdvanceEvent(finding, drift);
    }
    if (drift != nullptr) return Seen(finding, *drift);
    if (finding.state != FindingState::kResolved) NotSeen(finding);
  }

  // --- a drift is there ---

  void Begin(const std::string& id, const Drift& drift) {
    Finding finding;
    finding.id = id;
    finding.viewpoint = in_.viewpoint;
    finding.drift = drift;
    finding.first_seen = in_.now;
    Seen(finding, drift);
  }

  void Seen(Finding finding, const Drift& drift) {
    const bool fresh = grounds_.IsFresh(finding, drift);
    if (finding.state == FindingState::kResolved) {
      if (in_.now - finding.resolved.value_or(in_.now) > in_.confirm.reopen_within) {
        finding.first_seen = in_.now;
        finding.acknowledgement.reset();
      }
      if (drift.severity > finding.drift.severity) finding.acknowledgement.reset();
      ++finding.episode;
      finding.state = FindingState::kPending;
      finding.seen = 0;
    }
    finding.unverified_since = grounds_.UnverifiableSince(drift);
    const Drift before = std::exchange(finding.drift, drift);
    finding.policy_hash = in_.policy->hash;
    if (fresh) {
      ++finding.seen;
      finding.agreeing = 0;
      finding.last_run = in_.run;
      finding.last_seen = in_.now;
    }
    if (finding.state == FindingState::kPending) {
      if (fresh && IsConfirmed(finding)) return Open(std::move(finding));
    } else {
      Reconsider(finding, before);
    }
    out_.changed.push_back(std::move(finding));
  }

  bool IsConfirmed(const Finding& finding) const {
    if (finding.drift.kind != DriftKind::kUnexpectedOpen) {
      return finding.seen >= in_.confirm.gone_runs;
    }
    return in_.confirm.open_methods <= 1 || in_.confirmed.contains(finding.id) ||
           finding.seen >= kRunsWithoutSecondMethod;
  }

  void Open(Finding finding) {
    finding.state = finding.drift.acceptance  ? FindingState::kAccepted
                    : finding.acknowledgement ? FindingState::kAcknowledged
                                              : FindingState::kOpen;
    finding.opened = in_.now;
    finding.resolved.reset();
    finding.resolution.reset();
    finding.resolved_by.clear();
    if (finding.state == FindingState::kOpen) Tell(finding, TransitionKind::kOpened);
    out_.changed.push_back(std::move(finding));
  }

  // An open, acknowledged or accepted finding whose drift may have changed.
  void Reconsider(Finding& finding, const Drift& before) {
    const auto was = finding.state;
    if (finding.drift.acceptance) {
      finding.state = FindingState::kAccepted;
    } else if (was == FindingState::kAccepted || finding.drift.severity > before.severity) {
      finding.state = FindingState::kOpen;
    }
    if (finding.state != FindingState::kAcknowledged) finding.acknowledgement.reset();
    const bool silent = was != FindingState::kOpen || !Differs(before, finding.drift);
    if (finding.state == was && silent) return;
    const bool returned = was != FindingState::kOpen && finding.state == FindingState::kOpen;
    Tell(finding, returned ? TransitionKind::kOpened : TransitionKind::kChanged);
  }

  // Whether receivers should hear of it: not where only the line of a rule or the reason of a state
  // is another.
  static bool Differs(const Drift& a, const Drift& b) {
    return a.severity != b.severity || a.host != b.host || a.owner != b.owner ||
           a.labels != b.labels || a.ports != b.ports || a.only_family != b.only_family ||
           a.acceptance != b.acceptance;
  }

  // --- a drift is not there, or not any more ---

  void NotSeen(Finding finding) {
    const bool stands = IsPartOfAnother(finding.drift);
    const auto ended = stands ? std::nullopt : grounds_.EndOf(finding);
    if (ended) return End(std::move(finding), *ended);
    const auto since = grounds_.UnverifiableSince(finding.drift);
    const bool changed = std::exchange(finding.unverified_since, since) != since;
    if (stands || !grounds_.Agree(finding)) {
      if (changed) out_.changed.push_back(std::move(finding));
      return;
    }
    if (finding.state == FindingState::kPending) return Drop(std::move(finding));
    finding.seen = 0;
    ++finding.agreeing;
    finding.last_run = in_.run;
    if (finding.agreeing >= in_.confirm.resolve_after) {
      return End(std::move(finding), Resolution::kFixed);
    }
    out_.changed.push_back(std::move(finding));
  }

  // Whether a drift of the whole host stands for this one, which is as true as ever.
  bool IsPartOfAnother(const Drift& drift) const {
    return std::any_of(in_.drifts.begin(), in_.drifts.end(), [&](const Drift& whole) {
      if (StandsFor(whole, drift)) return true;
      const bool stands_for =
          (whole.kind == DriftKind::kHostUnreachable && drift.kind == DriftKind::kMissing) ||
          (whole.kind == DriftKind::kAllPortsOpen && drift.kind == DriftKind::kUnexpectedOpen);
      return stands_for && whole.subject == drift.subject &&
             whole.ports.Contains(drift.protocol, drift.port);
    });
  }

  void End(Finding finding, Resolution why) {
    if (finding.state == FindingState::kPending) return Drop(std::move(finding));
    const bool delivered = IsDelivered(finding.state);
    if (finding.state != FindingState::kAcknowledged) finding.acknowledgement.reset();
    finding.state = FindingState::kResolved;
    finding.unverified_since.reset();
    finding.resolution = why;
    finding.resolved = in_.now;
    finding.resolved_by = why == Resolution::kFixed ? grounds_.Observed(finding.drift) : "";
    finding.policy_hash = in_.policy->hash;
    if (delivered) Tell(finding, TransitionKind::kResolved);
    out_.changed.push_back(std::move(finding));
  }

  // A pending finding turned out to be nothing. One that returned goes back to its last ending.
  void Drop(Finding finding) {
    if (finding.episode == 1) {
      out_.dropped.push_back(finding.id);
      return;
    }
    --finding.episode;
    finding.state = FindingState::kResolved;
    finding.unverified_since.reset();
    finding.seen = 0;
    out_.changed.push_back(std::move(finding));
  }

  // --- events ---

  // Whether a change that no second run bore out has been taken back. A port's changes are to open
  // and from open in turns.
  static bool IsReturn(const Drift& change, const Drift& again) {
    return change.kind == DriftKind::kStateChanged &&
           (change.port != 0 || again.observed.state == change.before);
  }

  void AdvanceEvent(Finding finding, const Drift* again) {
    if (finding.state != FindingState::kPending) {
      if (Between(finding.opened.value_or(in_.now), in_.now) < kEventLife) return;
      return End(std::move(finding), Resolution::kExpired);
    }
    if (grounds_.EndOf(finding) == Resolution::kWithdrawn) return Drop(std::move(finding));
    if (again != nullptr && IsReturn(finding.drift, *again)) return Drop(std::move(finding));
    if (again != nullptr) {  // changed once more: the newer change waits for its own second run
      finding.drift = grounds_.Renewed(finding.drift, *again);
      finding.seen = 1;
      finding.last_run = in_.run;
      finding.last_seen = in_.now;
      out_.changed.push_back(std::move(finding));
      return;
    }
    switch (grounds_.EvidenceFor(finding)) {
      case EventEvidence::kNone:
        return;
      case EventEvidence::kGone:
        return Drop(std::move(finding));
      case EventEvidence::kHolds:
        break;
    }
    ++finding.seen;
    finding.last_run = in_.run;
    finding.last_seen = in_.now;
    if (IsConfirmed(finding)) return Open(std::move(finding));
    out_.changed.push_back(std::move(finding));
  }

  void Tell(const Finding& finding, TransitionKind kind) {
    out_.transitions.push_back({finding.id, finding.episode, kind, in_.now});
  }

  const Judgement& in_;
  const Grounds grounds_;
  std::map<std::string, const Drift*> drift_by_id_;
  std::set<std::string> known_;
  Advance out_;
};

}  // namespace

Advance AdvanceFindings(std::span<const Finding> findings, const Judgement& judgement) {
  return Lifecycle(judgement).Compute(findings);
}

}  // namespace postern::drift

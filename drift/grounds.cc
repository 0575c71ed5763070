#include "drift/grounds.h"

#include "drift/unlisted_hosts.h"

namespace postern::drift {

Grounds::Grounds(const Judgement& judgement)
    : in_(judgement), ports_(judgement), listed_(judgement.canaries) {
  for (const auto& at : in_.addresses) listed_.insert(at.address());
}

bool Grounds::Concern(const Drift& drift) const {
  return (in_.watched_scans != nullptr) == (SubjectOf(drift.kind) == DriftSubject::kScan);
}

// Runs overlap, and a long one resolved its names before a short one that is committed already:
// answers count in the order of the runs.
const NameAnswer* Grounds::FreshAnswer(const Finding& finding) const {
  const bool counts = in_.names_count && in_.run > finding.last_run;
  return counts ? FindAnswer(in_.names, finding.drift.subject) : nullptr;
}

bool Grounds::IsFresh(const Finding& finding, const Drift& drift) const {
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
      return ports_.IsFresh(drift);
    case DriftSubject::kNetwork:
      return in_.discovery != nullptr;
    case DriftSubject::kName:
      return FreshAnswer(finding) != nullptr;
    case DriftSubject::kFamily:
    case DriftSubject::kScan:
      return true;
  }
  return false;
}

const Absence* Grounds::AbsenceOf(const Drift& unlisted) const {
  if (in_.absences == nullptr) return nullptr;
  const auto at = in_.absences->find(unlisted.address);
  return at == in_.absences->end() ? nullptr : &at->second;
}

std::optional<TimePoint> Grounds::UnverifiableSince(const Drift& drift) const {
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
      return ports_.UnverifiableSince(drift);
    case DriftSubject::kNetwork: {
      const auto* absence = AbsenceOf(drift);
      return absence != nullptr ? std::optional(absence->since) : std::nullopt;
    }
    case DriftSubject::kName:
    case DriftSubject::kFamily:
    case DriftSubject::kScan:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Resolution> Grounds::EndOf(const Finding& finding) const {
  const auto& drift = finding.drift;
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
      return ports_.EndOf(finding);
    case DriftSubject::kNetwork: {
      const auto ended = EndOfUnlisted(drift, *in_.policy, in_.viewpoint, listed_);
      const auto* absence = AbsenceOf(drift);
      return !ended && absence != nullptr && absence->gone ? Resolution::kGone : ended;
    }
    case DriftSubject::kName:
      return EndOfNameDrift(finding, *in_.policy, in_.viewpoint, in_.names);
    case DriftSubject::kFamily:
      if (!in_.policy->HasFamily(in_.viewpoint, drift.address.family())) {
        return Resolution::kWithdrawn;
      }
      return EndOfBlindness(drift, in_.has_canaries);
    case DriftSubject::kScan:
      if (in_.watched_scans->contains(drift.subject)) return std::nullopt;
      return Resolution::kWithdrawn;
  }
  return std::nullopt;
}

bool Grounds::Agree(const Finding& finding) const {
  const auto& drift = finding.drift;
  const auto family = static_cast<std::size_t>(drift.address.family());
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
      return ports_.Agrees(drift);
    case DriftSubject::kNetwork:
      return in_.discovery != nullptr && in_.proven != nullptr &&
             in_.proven->Vouch(drift.address) &&
             AnswersNoLongerAlike(drift, *in_.policy, *in_.discovery);
    case DriftSubject::kName: {
      const auto* answer = FreshAnswer(finding);
      return answer != nullptr && answer->full;
    }
    case DriftSubject::kFamily:
      return in_.sight[family].proof == ViewpointSight::Proof::kSees;
    case DriftSubject::kScan:
      return true;
  }
  return false;
}

std::string Grounds::Observed(const Drift& drift) const {
  return SubjectOf(drift.kind) == DriftSubject::kPorts ? ports_.Observed(drift) : "";
}

EventEvidence Grounds::EvidenceFor(const Finding& event) const {
  if (SubjectOf(event.drift.kind) != DriftSubject::kName) return ports_.EvidenceFor(event.drift);
  const auto* answer = FreshAnswer(event);
  return answer == nullptr ? EventEvidence::kNone : EvidenceOf(event.drift, *answer);
}

Drift Grounds::Renewed(const Drift& event, const Drift& newer) const {
  const auto* answer = FindAnswer(in_.names, event.subject);
  const bool of_name = SubjectOf(event.kind) == DriftSubject::kName && answer != nullptr;
  return of_name ? Merged(event, newer, *answer) : newer;
}

}  // namespace postern::drift

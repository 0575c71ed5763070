#include "daemon/absences.h"

#include <algorithm>

#include "drift/unlisted_hosts.h"

namespace postern::daemon {
namespace {

// What the run saw of the address, the endpoints that were asked for a sign of life included.
AddressStates WithSigns(const RunEvidence& evidence, const AddressStates& seen) {
  AddressStates all = seen;
  if (const auto* asked = drift::FindStates(evidence.signs.answers, seen.address)) {
    for (const auto protocol : kProtocols) {
      auto states = asked->of(protocol);
      states.Overlay(seen.of(protocol));
      all.of(protocol) = std::move(states);
    }
  }
  return all;
}

bool HasSign(const RunEvidence& evidence, const IpAddress& address) {
  return evidence.signs.alive.contains(address) ||
         (evidence.discovery && evidence.discovery->FindUp(address) != nullptr);
}

// Silence where the run was answered before may be a lost packet: an echo reply takes it back.
bool WasTurnedAway(const RunEvidence& evidence, const AddressStates& seen) {
  const auto* again = drift::FindStates(evidence.signs.answers, seen.address);
  return again != nullptr && drift::TurnedAway(seen, *again) &&
         (drift::HasOwnAnswer(*again) || !HasSign(evidence, seen.address));
}

bool Answered(const drift::CanaryReading& canary) {
  return canary.observed == PortState::kOpen || canary.observed == PortState::kClosed;
}

class Absent {
 public:
  Absent(const RunEvidence& evidence, const drift::ProvenHops& proven, const Absences& remembered,
         const AbsenceTerms& terms)
      : evidence_(evidence), proven_(proven), remembered_(remembered), terms_(terms) {}

  void Look(const AddressStates& seen, std::span<const AddressStates> known) {
    if (!evidence_.snapshot.coverage.Trusted(seen.address.family()) || !drift::HasVerdict(seen))
      return;
    const auto all = WithSigns(evidence_, seen);
    const auto* before = drift::FindStates(known, seen.address);
    auto kind = drift::AbsenceIn(before != nullptr ? *before : AddressStates{}, all,
                                 HasSign(evidence_, seen.address));
    if (WasTurnedAway(evidence_, seen)) kind = Absence::Kind::kChanged;
    if (proven_.IsLocal(seen.address)) kind.reset();
    Record(seen.address, kind, drift::HasOwnAnswer(all));
  }

  void Record(const IpAddress& address, std::optional<Absence::Kind> kind, bool own_answer) {
    const auto at = remembered_.find(address);
    if (!kind) {
      if (at != remembered_.end()) result_.changes[address] = std::nullopt;
      return;
    }
    const bool vouched = own_answer || proven_.Vouch(address);
    if (vouched) result_.vouched.insert(address);
    result_.changes[address] =
        drift::Continued(at != remembered_.end() ? std::optional(at->second) : std::nullopt,
                         {.kind = *kind,
                          .at = evidence_.snapshot.run.started,
                          .vouched = vouched,
                          .longest_gap = terms_.longest_gap,
                          .gone_after = terms_.gone_after});
  }

  AbsencesOfRun Take() { return std::move(result_); }

 private:
  const RunEvidence& evidence_;
  const drift::ProvenHops& proven_;
  const Absences& remembered_;
  const AbsenceTerms& terms_;
  AbsencesOfRun result_;
};

bool IsUnresolvedUnlisted(const Finding& finding) {
  return finding.drift.kind == DriftKind::kUnlistedHost && finding.state != FindingState::kResolved;
}

}  // namespace

drift::ProvenHops HopsProvenBy(const RunEvidence& evidence) {
  drift::ProvenHops proven(evidence.signs.hops);
  for (const auto& seen : evidence.snapshot.addresses) {
    if (drift::HasOwnAnswer(seen)) proven.Add(seen.address);
  }
  for (const auto& address : evidence.signs.alive) proven.Add(address);
  for (const auto& canary : evidence.canaries_after) {
    if (Answered(canary)) proven.Add(canary.endpoint.address);
  }
  if (evidence.discovery) {
    for (const auto& live : evidence.discovery->up) {
      if (!live.local) proven.Add(live.address);
    }
  }
  return proven;
}

AbsencesOfRun FindAbsences(const RunEvidence& evidence, const drift::ProvenHops& proven,
                           std::span<const AddressStates> known, const Absences& remembered,
                           std::span<const Finding> findings, const AbsenceTerms& terms) {
  Absent absent(evidence, proven, remembered, terms);
  for (const auto& seen : evidence.snapshot.addresses) absent.Look(seen, known);
  if (!evidence.discovery) return absent.Take();
  for (const auto& finding : findings) {
    const auto& address = finding.drift.address;
    if (!IsUnresolvedUnlisted(finding)) continue;
    if (!evidence.snapshot.coverage.Trusted(address.family())) continue;
    if (evidence.discovery->FindUp(address) != nullptr) {
      absent.Record(address, std::nullopt, true);
    } else if (drift::IsSilent(finding.drift, *evidence.discovery)) {
      absent.Record(address, Absence::Kind::kSilent, false);
    }
  }
  return absent.Take();
}

void Apply(const AbsencesOfRun& run, Absences& absences) {
  for (const auto& [address, absence] : run.changes) {
    if (absence) {
      absences[address] = *absence;
    } else {
      absences.erase(address);
    }
  }
}

}  // namespace postern::daemon

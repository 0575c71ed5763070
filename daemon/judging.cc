#include "daemon/judging.h"

#include <algorithm>
#include <map>

#include "core/finding.h"
#include "daemon/receivers.h"
#include "drift/history_drift.h"
#include "drift/lifecycle.h"
#include "drift/policy_drift.h"

namespace postern::daemon {
namespace {

std::array<bool, 2> Either(const std::array<bool, 2>& a, const std::array<bool, 2>& b) {
  return {a[0] || b[0], a[1] || b[1]};
}

// Each target with what was known of it (`before`, ascending) and what the run saw.
std::vector<drift::JudgedAddress> JudgeTargets(const Targets& targets,
                                               const std::vector<AddressStates>& before,
                                               const Snapshot* snapshot) {
  std::vector<drift::JudgedAddress> judged;
  judged.reserve(targets.list.size());
  for (const auto& target : targets.list) {
    AddressStates known{target.address, {}};
    const auto at = std::lower_bound(before.begin(), before.end(), target.address,
                                     [](const AddressStates& states, const IpAddress& address) {
                                       return states.address < address;
                                     });
    if (at != before.end() && at->address == target.address) known = *at;
    const bool trusted = snapshot != nullptr && snapshot->coverage.Trusted(target.address.family());
    judged.push_back(drift::Judge(*target.host, target.subject, std::move(known),
                                  trusted ? snapshot->Find(target.address) : nullptr));
  }
  return judged;
}

std::map<std::string, std::vector<Transition>> Outbox(const policy::Config& config,
                                                      const drift::Advance& advance) {
  std::map<std::string, const Drift*> drift_of;
  for (const auto& finding : advance.changed) drift_of[finding.id] = &finding.drift;
  std::map<std::string, std::vector<Transition>> outbox;
  for (const auto& receiver : InstancesOf(config)) {
    for (const auto& transition : advance.transitions) {
      if (receiver.config->Wants(*drift_of.at(transition.finding_id))) {
        outbox[receiver.name].push_back(transition);
      }
    }
  }
  return outbox;
}

std::set<std::string> ConfirmedIds(const std::vector<Drift>& drifts, std::string_view viewpoint,
                                   const std::set<Endpoint>& confirmed) {
  std::set<std::string> ids;
  for (const auto& drift : drifts) {
    if (confirmed.contains({drift.address, drift.protocol, drift.port})) {
      ids.insert(FindingId(viewpoint, drift));
    }
  }
  return ids;
}

Exchange NothingAsked(const Drift& drift) {
  Exchange exchange;
  exchange.address = drift.address;
  exchange.protocol = drift.protocol;
  exchange.packets = "none: the run did not ask once more";
  return exchange;
}

// Of the findings that this judgement opened; each has some, if only the circumstances.
std::vector<Evidence> EvidenceOf(const drift::Advance& advance, const Setup& setup,
                                 const RunEvidence& run, TimePoint now) {
  std::vector<Evidence> made;
  const auto& limits = setup.config.limits;
  for (const auto& finding : advance.changed) {
    if (finding.opened != now) continue;
    const auto exchange = run.exchanges.find(finding.id);
    made.push_back({.finding_id = finding.id,
                    .episode = finding.episode,
                    .made = now,
                    .run = run.snapshot.run,
                    .rates = {limits.rate, limits.host_rate, limits.network_rate},
                    .exchange = exchange != run.exchanges.end() ? exchange->second
                                                                : NothingAsked(finding.drift)});
  }
  return made;
}

std::vector<IpAddress> AddressesOf(const Targets& targets) {
  std::vector<IpAddress> addresses;
  for (const auto& target : targets.list) addresses.push_back(target.address);
  return addresses;
}

drift::Judgement JudgementOf(const Setup& setup, const Targets& targets,
                             const RunEvidence* evidence, TimePoint now) {
  drift::Judgement judgement;
  judgement.now = now;
  judgement.viewpoint = setup.config.viewpoint;
  judgement.policy = setup.policy.get();
  judgement.confirm = setup.config.confirm;
  judgement.unresolved_names = targets.unresolved;
  if (evidence != nullptr) {
    judgement.run = evidence->snapshot.run.id;
    judgement.vouched = drift::VouchedFamilies(evidence->canaries_after, evidence->snapshot);
  }
  return judgement;
}

}  // namespace

Result<Judged> JudgeAndCommit(storage::Store& store, const Setup& setup, const Targets& targets,
                              RunEvidence* evidence, TimePoint now) {
  const auto findings = store.Findings();
  if (!findings) return findings.error();
  const auto before = store.LastKnownStates(AddressesOf(targets));
  if (!before) return before.error();

  const Snapshot* snapshot = nullptr;
  if (evidence != nullptr) {
    evidence->snapshot.coverage.blind =
        Either(drift::BlindFamilies(evidence->canaries_before, *before, evidence->snapshot),
               drift::BlindFamilies(evidence->canaries_after, *before, evidence->snapshot));
    snapshot = &evidence->snapshot;
  }

  Judged judged;
  judged.addresses = JudgeTargets(targets, *before, snapshot);
  const auto& viewpoint = setup.config.viewpoint;
  auto drifts = drift::PolicyDrift(*setup.policy, viewpoint, judged.addresses, now);
  auto events = drift::HistoryDrift(*setup.policy, viewpoint, judged.addresses);
  std::move(events.begin(), events.end(), std::back_inserter(drifts));

  auto judgement = JudgementOf(setup, targets, evidence, now);
  judgement.addresses = judged.addresses;
  judgement.drifts = drifts;
  if (evidence != nullptr) {
    judgement.confirmed = ConfirmedIds(drifts, viewpoint, evidence->confirmed);
  }
  auto advance = drift::AdvanceFindings(*findings, judgement);

  storage::Changes changes;
  changes.snapshot = snapshot;
  changes.findings = advance.changed;
  changes.dropped_findings = advance.dropped;
  changes.outbox = Outbox(setup.config, advance);
  std::vector<Evidence> made;
  if (evidence != nullptr) made = EvidenceOf(advance, setup, *evidence, now);
  changes.evidence = made;
  if (evidence != nullptr && evidence->cursor) {
    changes.cursor.emplace(snapshot->run.scan, *evidence->cursor);
  }
  if (auto committed = store.Commit(changes); !committed) return committed.error();

  auto after = store.Findings();
  if (!after) return after.error();
  judged.findings = std::move(*after);
  judged.changed = std::move(advance.changed);
  judged.transitions = std::move(advance.transitions);
  return judged;
}

std::vector<Drift> DriftIn(const Snapshot& snapshot, const policy::Policy& policy,
                           std::string_view viewpoint, const Targets& targets, TimePoint now) {
  return drift::PolicyDrift(policy, viewpoint, JudgeTargets(targets, {}, &snapshot), now);
}

}  // namespace postern::daemon

#include "daemon/judging.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "core/finding.h"
#include "daemon/absences.h"
#include "daemon/canaries.h"
#include "daemon/receivers.h"
#include "daemon/unseen.h"
#include "drift/coverage_drift.h"
#include "drift/history_drift.h"
#include "drift/lifecycle.h"
#include "drift/policy_drift.h"
#include "drift/unlisted_hosts.h"

namespace postern::daemon {
namespace {

std::array<bool, 2> Either(const std::array<bool, 2>& a, const std::array<bool, 2>& b) {
  return {a[0] || b[0], a[1] || b[1]};
}

// What is known of the absence of addresses: as the run found it, null without one, and altogether.
struct Presence {
  const AbsencesOfRun* run = nullptr;
  const Absences& now;
};

// Each target with what was known of it (`before`, ascending) and what the run saw.
std::vector<drift::JudgedAddress> JudgeTargets(const Targets& targets,
                                               std::vector<AddressStates> before,
                                               const Snapshot* snapshot, const Presence& presence) {
  std::vector<drift::JudgedAddress> judged;
  judged.reserve(targets.list.size());
  for (const auto& target : targets.list) {
    AddressStates known{target.address, {}};
    const auto at = std::lower_bound(before.begin(), before.end(), target.address,
                                     [](const AddressStates& states, const IpAddress& address) {
                                       return states.address < address;
                                     });
    // Each address is in the list once; one that was moved from keeps its place in the order.
    if (at != before.end() && at->address == target.address) known = std::move(*at);
    const bool trusted = snapshot != nullptr && snapshot->coverage.Trusted(target.address.family());
    const auto* seen = trusted ? snapshot->Find(target.address) : nullptr;
    judged.push_back(drift::Judge(*target.host, target.subject, std::move(known), seen));
    const auto absent = presence.now.find(target.address);
    if (absent == presence.now.end()) continue;
    if (seen == nullptr || !presence.run->changes.contains(target.address)) {
      judged.back().absence = absent->second;
      continue;
    }
    const bool vouched = presence.run->vouched.contains(target.address);
    judged.back() = drift::WithAbsence(std::move(judged.back()), *seen, absent->second, vouched);
  }
  return judged;
}

// Whoever was told of a finding hears of it to its end. For whoever was not, it opens once it is
// open and wanted.
Result<std::vector<Transition>> NewsFor(const storage::Store& store,
                                        const ReceiverInstance& receiver,
                                        const std::vector<Transition>& transitions,
                                        const FindingsById& findings) {
  std::vector<Transition> news;
  for (auto transition : transitions) {
    const auto& finding = *findings.at(transition.finding_id);
    const auto told = store.HasNewsOf(receiver.name, finding.id, transition.episode);
    if (!told) return told.error();
    if (!*told) {
      if (finding.state != FindingState::kOpen || !receiver.config->Wants(finding.drift)) continue;
      transition.kind = TransitionKind::kOpened;
    }
    news.push_back(std::move(transition));
  }
  return news;
}

Result<std::map<std::string, std::vector<Transition>>> Outbox(const storage::Store& store,
                                                              const policy::Config& config,
                                                              const drift::Advance& advance) {
  const auto findings = ById(advance.changed);
  std::map<std::string, std::vector<Transition>> outbox;
  for (const auto& receiver : InstancesOf(config)) {
    auto news = NewsFor(store, receiver, advance.transitions, findings);
    if (!news) return news.error();
    outbox[receiver.name] = *std::move(news);
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

// What a discovery learnt in the families that the run can be believed for.
std::optional<Discovery> TrustedPart(const RunEvidence* evidence) {
  if (evidence == nullptr || !evidence->discovery) return std::nullopt;
  auto trusted = *evidence->discovery;
  const auto blind = [&](const IpAddress& address) {
    return !evidence->snapshot.coverage.Trusted(address.family());
  };
  std::erase_if(trusted.up, [&](const LiveAddress& live) { return blind(live.address); });
  std::erase_if(trusted.unknown, blind);
  std::erase_if(trusted.asked, [&](const Prefix& range) { return blind(range.base()); });
  return trusted;
}

std::vector<Drift> UnlistedDrift(const Setup& setup, const Targets& targets,
                                 const Discovery& discovery, const Snapshot& snapshot) {
  auto listed = targets.Listed();
  listed.merge(CanaryAddresses(setup.config.canaries));
  const auto unlisted =
      drift::FindUnlisted(*setup.policy, setup.config.viewpoint, listed, discovery);
  return drift::UnlistedDrift(unlisted, snapshot.addresses);
}

void Append(std::vector<Drift> more, std::vector<Drift>& drifts) {
  std::move(more.begin(), more.end(), std::back_inserter(drifts));
}

std::string_view WhyNothingWasAsked(const Drift& drift) {
  if (drift.kind == DriftKind::kDnsUnresolved) return "none: it rests on what the resolver said";
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
    case DriftSubject::kNetwork:
    case DriftSubject::kScan:
      return "none: the run did not ask once more";
    case DriftSubject::kName:
      return "none: it rests on the answer of the name; an address outside the scope is never "
             "probed";
    case DriftSubject::kFamily:
      return "none: it rests on what the whole run met";
  }
  return {};
}

Exchange NothingAsked(const Drift& drift) {
  Exchange exchange;
  exchange.address = drift.address;
  exchange.protocol = drift.protocol;
  exchange.packets = WhyNothingWasAsked(drift);
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

// What the run proves of the viewpoint, by what it met before and after it.
std::array<drift::ViewpointSight, 2> SightOf(const RunEvidence& evidence,
                                             const std::vector<AddressStates>& before) {
  return drift::Worse(drift::SightOf(evidence.canaries_before, before, evidence.snapshot),
                      drift::SightOf(evidence.canaries_after, before, evidence.snapshot));
}

std::array<bool, 2> HaveCanaries(const policy::Config& config) {
  std::array<bool, 2> have{};
  for (const auto& canary : config.canaries) {
    have[static_cast<std::size_t>(canary.endpoint.address.family())] = true;
  }
  return have;
}

// Full answers, to be compared with later. While an event of the name is open, what else is new
// waits for its end and is not remembered: an event that is under way takes no further addresses.
std::map<std::string, std::vector<IpAddress>> NamesToRemember(
    std::span<const drift::NameAnswer> names, const std::vector<Drift>& changed,
    const std::vector<Finding>& findings) {
  std::map<std::string, std::vector<IpAddress>> answers;
  for (const auto& answer : names) {
    if (answer.full) answers.emplace(answer.name, answer.addresses);
  }
  for (const auto& drift : changed) {
    const bool open = std::ranges::any_of(findings, [&](const Finding& finding) {
      return finding.drift.kind == DriftKind::kDnsChanged &&
             finding.drift.subject == drift.subject && finding.state != FindingState::kPending &&
             finding.state != FindingState::kResolved;
    });
    if (!open) continue;
    std::erase_if(answers[drift.subject], [&](const IpAddress& address) {
      return std::ranges::binary_search(drift.addresses, address);
    });
  }
  return answers;
}

// A run is late after 2 x `every` + `jitter`; a longer gap is a time in which nobody looked.
AbsenceTerms AbsenceTermsOf(const policy::Config& config, const std::string& scan) {
  AbsenceTerms terms{.longest_gap = {}, .gone_after = config.confirm.gone_after};
  for (const auto& configured : config.scans) {
    if (configured.name == scan) terms.longest_gap = drift::OldestAllowed(configured);
  }
  return terms;
}

// What the store is to know of the addresses that the run met absent: of the ports that it asked,
// what judging knows of them now.
std::map<IpAddress, AddressStates> KnownOfAbsent(std::span<const drift::JudgedAddress> addresses,
                                                 const Snapshot& snapshot,
                                                 const AbsencesOfRun& absent) {
  std::map<IpAddress, AddressStates> known;
  for (const auto& at : addresses) {
    const auto change = absent.changes.find(at.address());
    if (change == absent.changes.end() || !change->second) continue;
    const auto* seen = snapshot.Find(at.address());
    if (seen == nullptr) continue;
    auto& states = known[at.address()];
    states.address = at.address();
    for (const auto protocol : kProtocols) {
      states.of(protocol) = at.now.of(protocol).Restricted(seen->of(protocol).Asked());
    }
  }
  return known;
}

// Adds what a run leaves in the store besides findings.
void AddRun(const RunEvidence& evidence, std::span<const drift::JudgedAddress> addresses,
            AbsencesOfRun absent, storage::Changes& changes) {
  const auto& snapshot = evidence.snapshot;
  changes.snapshot = &snapshot;
  changes.known_of_absent = KnownOfAbsent(addresses, snapshot, absent);
  changes.absences = std::move(absent.changes);
  changes.names_at = snapshot.run.started;
  if (evidence.cursor) changes.cursor.emplace(snapshot.run.scan, *evidence.cursor);
}

drift::Judgement JudgementOf(const Setup& setup, const Targets& targets,
                             const RunEvidence* evidence, TimePoint now) {
  drift::Judgement judgement;
  judgement.now = now;
  judgement.viewpoint = setup.config.viewpoint;
  judgement.policy = setup.policy.get();
  judgement.confirm = setup.config.confirm;
  judgement.unresolved_names = targets.unresolved;
  judgement.names = targets.names;
  judgement.has_canaries = HaveCanaries(setup.config);
  judgement.canaries = CanaryAddresses(setup.config.canaries);
  if (evidence != nullptr) {
    judgement.run = evidence->snapshot.run.id;
    const auto& blind = evidence->snapshot.coverage.blind;
    judgement.names_count = std::ranges::none_of(blind, std::identity());
  }
  return judgement;
}

struct NewsOfNames {
  std::vector<Drift> drifts;
  std::map<std::string, std::vector<IpAddress>> remember;
};

// What the answers of a judgement mean. Those of a blind run mean nothing; without a run they only
// show what an edit of the policy makes of them.
Result<NewsOfNames> LookAtNames(const storage::Store& store, const drift::Judgement& judgement,
                                const std::vector<Finding>& findings) {
  NewsOfNames news;
  const auto& policy = *judgement.policy;
  const auto& [names, viewpoint] = std::tie(judgement.names, judgement.viewpoint);
  if (names.empty() || (judgement.run != 0 && !judgement.names_count)) return news;
  news.drifts = drift::OutOfScopeDrift(policy, viewpoint, names);
  Append(drift::UnresolvedDrift(names), news.drifts);
  if (judgement.run == 0) return news;
  const auto memory = store.Names();
  if (!memory) return memory.error();
  auto changed = drift::ChangedNameDrift(policy, viewpoint, names, *memory);
  news.remember = NamesToRemember(names, changed, findings);
  Append(std::move(changed), news.drifts);
  return news;
}

}  // namespace

Result<Judged> JudgeAndCommit(storage::Store& store, const Setup& setup, const Targets& targets,
                              RunEvidence* evidence, TimePoint now) {
  const auto findings = store.Findings();
  if (!findings) return findings.error();
  auto before = store.LastKnownStates(targets.Addresses());
  if (!before) return before.error();

  const Snapshot* snapshot = nullptr;
  if (evidence != nullptr) {
    evidence->snapshot.coverage.blind =
        Either(drift::BlindFamilies(evidence->canaries_before, *before, evidence->snapshot),
               drift::BlindFamilies(evidence->canaries_after, *before, evidence->snapshot));
    snapshot = &evidence->snapshot;
  }

  auto absences = store.Absences();
  if (!absences) return absences.error();
  std::optional<drift::ProvenHops> proven;
  AbsencesOfRun absent;
  if (evidence != nullptr) {
    proven = HopsProvenBy(*evidence);
    absent = FindAbsences(*evidence, *proven, *before, *absences, *findings,
                          AbsenceTermsOf(setup.config, snapshot->run.scan));
    Apply(absent, *absences);
  }

  auto judgement = JudgementOf(setup, targets, evidence, now);
  judgement.absences = &*absences;
  judgement.proven = proven ? &*proven : nullptr;
  if (evidence != nullptr) judgement.sight = SightOf(*evidence, *before);
  auto addresses = JudgeTargets(targets, *std::move(before), snapshot, {&absent, *absences});
  const auto& viewpoint = setup.config.viewpoint;
  auto drifts = drift::PolicyDrift(*setup.policy, viewpoint, addresses, now, store.ports_secret());
  Append(drift::HistoryDrift(*setup.policy, viewpoint, addresses), drifts);
  const auto discovery = TrustedPart(evidence);
  if (discovery) Append(UnlistedDrift(setup, targets, *discovery, *snapshot), drifts);
  auto names = LookAtNames(store, judgement, *findings);
  if (!names) return names.error();
  Append(std::move(names->drifts), drifts);
  if (evidence != nullptr) {
    Append(drift::BlindnessDrift(judgement.sight), drifts);
    judgement.confirmed = ConfirmedIds(drifts, viewpoint, evidence->confirmed);
  }
  judgement.addresses = addresses;
  judgement.drifts = drifts;
  judgement.discovery = discovery ? &*discovery : nullptr;
  auto advance = drift::AdvanceFindings(*findings, judgement);

  storage::Changes changes;
  changes.names = std::move(names->remember);
  std::vector<Evidence> made;
  if (evidence != nullptr) {
    AddRun(*evidence, addresses, std::move(absent), changes);
    changes.unseen = UnseenIn(setup, targets, *evidence);
    made = EvidenceOf(advance, setup, *evidence, now);
  }
  changes.evidence = made;
  auto committed = CommitAdvance(store, setup, std::move(changes), std::move(advance));
  if (!committed) return committed;
  committed->addresses = std::move(addresses);
  return committed;
}

Result<Judged> CommitAdvance(storage::Store& store, const Setup& setup, storage::Changes changes,
                             drift::Advance advance) {
  changes.findings = advance.changed;
  changes.dropped_findings = advance.dropped;
  auto outbox = Outbox(store, setup.config, advance);
  if (!outbox) return outbox.error();
  changes.outbox = *std::move(outbox);
  if (auto committed = store.Commit(changes); !committed) return committed.error();
  auto after = store.Findings();
  if (!after) return after.error();
  return Judged{.findings = *std::move(after),
                .changed = std::move(advance.changed),
                .transitions = std::move(advance.transitions),
                .addresses = {}};
}

Result<Judged> ChangeAndCommit(storage::Store& store, const Setup& setup, const std::string& id,
                               const FindingChange& change) {
  auto finding = store.FindFinding(id);
  if (!finding) return finding.error();
  if (!*finding) {
    return Error{"there is no finding " + id + "; `postern findings list` has them"};
  }
  auto advance = change(**std::move(finding));
  if (!advance) return advance.error();

  return CommitAdvance(store, setup, {}, *std::move(advance));
}

std::vector<Drift> DriftIn(const RunEvidence& evidence, const policy::Policy& policy,
                           std::string_view viewpoint, const Targets& targets, TimePoint now,
                           std::string_view ports_secret) {
  const auto proven = HopsProvenBy(evidence);
  const auto absent = FindAbsences(evidence, proven, {}, {}, {}, {});
  Absences absences;
  Apply(absent, absences);
  const auto addresses = JudgeTargets(targets, {}, &evidence.snapshot, {&absent, absences});
  auto drifts = drift::PolicyDrift(policy, viewpoint, addresses, now, ports_secret);
  Append(drift::OutOfScopeDrift(policy, viewpoint, targets.names), drifts);
  return drifts;
}

}  // namespace postern::daemon

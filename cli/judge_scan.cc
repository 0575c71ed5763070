#include "cli/judge_scan.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/dns_name.h"
#include "daemon/judging.h"
#include "daemon/targets.h"
#include "policy/rules.h"

namespace postern::cli {
namespace {

using policy::ExpectedState;

// Answers from the names that the scan gives its addresses, in whatever spelling.
daemon::Resolver NamesOf(const ObservedScan& scan) {
  std::map<std::string, std::vector<IpAddress>> by_name;
  for (const auto& [address, names] : scan.names) {
    for (const auto& name : names) by_name[DnsNameKey(name)].push_back(address);
  }
  return [by_name = std::move(by_name)](const std::vector<std::string>& wanted) {
    std::vector<scanner::Resolved> answers;
    for (const auto& name : wanted) {
      scanner::Resolved answer{.name = name};
      if (const auto at = by_name.find(name); at != by_name.end()) answer.addresses = at->second;
      if (answer.addresses.empty()) answer.error = "the scan has no host of this name";
      answers.push_back(std::move(answer));
    }
    return answers;
  };
}

bool Prescribes(const policy::Decision& decision) {
  return decision.rule != nullptr && decision.expected != ExpectedState::kAny &&
         decision.expected != ExpectedState::kAllowed;
}

// Whether a verdict tells if the rule is kept. UDP silence does not where the port must be open.
bool Decides(PortState state, ExpectedState expected) {
  if (state == PortState::kOpenFiltered) return expected != ExpectedState::kOpen;
  return state != PortState::kUnknown;
}

// The ports that `states` must tell for the rules to be judged.
PortSet WantedPorts(const policy::RuleTable& rules, const PortSet& also) {
  PortSet wanted = also;
  for (const auto protocol : kProtocols) {
    for (const auto& range : rules.ranges(protocol)) {
      if (Prescribes(range.decision)) wanted.Add(protocol, range.ports);
    }
  }
  return wanted;
}

std::uint64_t CountDecided(const policy::RuleTable& rules, const PortSet& wanted,
                           const AddressStates& states) {
  std::uint64_t decided = 0;
  for (const auto protocol : kProtocols) {
    const auto known = states.of(protocol).Restricted(wanted.ranges(protocol));
    for (const auto& rule : rules.ranges(protocol)) {
      const auto ruled = known.Restricted({rule.ports});
      for (const auto& range : ruled.ranges()) {
        if (Decides(range.verdict.state, rule.decision.expected)) decided += range.ports.size();
      }
    }
  }
  return decided;
}

bool IsKnown(const AddressStates& states) {
  return std::any_of(kProtocols.begin(), kProtocols.end(),
                     [&](Protocol protocol) { return !states.of(protocol).Known().empty(); });
}

}  // namespace

ScanJudgement JudgeScan(const ObservedScan& scan, const policy::Policy& policy,
                        std::string_view viewpoint, const PortSet& also, TimePoint now) {
  ScanJudgement judgement;
  const auto targets = daemon::FindTargets(policy, viewpoint, NamesOf(scan));
  daemon::RunEvidence evidence;
  evidence.snapshot = scan.snapshot;
  evidence.signs = daemon::SignsWithin(scan.snapshot);
  judgement.drifts = daemon::DriftIn(evidence, policy, viewpoint, targets, now, scan.ports_secret);
  judgement.addresses = targets.list.size();
  judgement.unseen.assign(targets.unresolved.begin(), targets.unresolved.end());
  for (const auto& target : targets.list) {
    const auto family = target.address.family();
    const policy::RuleTable rules(policy, *target.host, viewpoint, family);
    const auto wanted = WantedPorts(rules, also);
    judgement.endpoints += wanted.size();
    const auto* states = scan.snapshot.Find(target.address);
    const bool trusted = scan.snapshot.coverage.Trusted(family);
    if (states == nullptr || !trusted || !IsKnown(*states)) {
      judgement.unseen.push_back(target.address.ToString());
      judgement.unknown += wanted.size();
      continue;
    }
    judgement.unknown += wanted.size() - CountDecided(rules, wanted, *states);
  }
  return judgement;
}

}  // namespace postern::cli

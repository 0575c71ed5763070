#include "policy/explain.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/time.h"
#include "policy/rules.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

using Verdict = ExplainedRule::Verdict;

Error UnknownAddress(const Policy& policy, const IpAddress& address) {
  for (const auto& network : policy.networks) {
    if (!network.cidr.Contains(address)) continue;
    return Error{"no host of the policy has the address " + address.ToString() +
                 "; it lies in network " + network.cidr.ToString() + ", whose unlisted hosts are " +
                 (network.report_unlisted ? "reported" : "ignored")};
  }
  return Error{"no host of the policy has the address " + address.ToString() +
               (policy.scope.Contains(address) ? "" : ", and it is outside the scope")};
}

// The viewpoints to explain where none is asked for: the policy's, or those that the host's rules
// name, or one that stands for all.
std::vector<std::string> KnownViewpoints(const Policy& policy, const Host& host) {
  std::set<std::string> names;
  for (const auto& [name, viewpoint] : policy.viewpoints) names.insert(name);
  if (names.empty()) {
    const auto add = [&](const Reach& reach) {
      names.insert(reach.from.begin(), reach.from.end());
    };
    for (const auto& rule : host.expect) add(rule.reach);
    for (const auto& accept : host.accept) add(accept.reach);
    for (const auto& role : host.roles) {
      for (const auto& rule : policy.roles.at(role)) add(rule.reach);
    }
  }
  if (names.empty()) names.insert("");
  return {names.begin(), names.end()};
}

std::vector<ExplainedRule> ChainOf(const Policy& policy, const Host& host, ProtocolPort port,
                                   const std::string& viewpoint, Family family,
                                   const Expectation* decides) {
  std::vector<ExplainedRule> chain;
  const auto add = [&](const std::vector<Expectation>& rules, std::string_view role) {
    for (const auto& rule : rules) {
      if (!rule.ports.Contains(port.protocol, port.port)) continue;
      Verdict verdict = Verdict::kLater;
      if (&rule == decides) {
        verdict = Verdict::kDecides;
      } else if (!(family == Family::kIpv4 ? rule.reach.ipv4 : rule.reach.ipv6)) {
        verdict = Verdict::kOtherFamily;
      } else if (!rule.reach.Covers(viewpoint, family)) {
        verdict = Verdict::kOtherViewpoint;
      }
      chain.push_back({&rule, role, verdict});
    }
  };
  add(host.expect, {});
  for (const auto& role : host.roles) add(policy.roles.at(role), role);
  return chain;
}

Explanation ExplainOne(const Policy& policy, const Host& host, ProtocolPort port,
                       const std::string& viewpoint, Family family, std::string subject) {
  Explanation explanation;
  explanation.subject = std::move(subject);
  explanation.viewpoint = viewpoint;
  explanation.family = family;
  const RuleTable table(policy, host, viewpoint, family);
  const Decision& decision = table.At(port);
  explanation.expected = decision.expected;
  explanation.accept = decision.accept;
  explanation.chain = ChainOf(policy, host, port, viewpoint, family, decision.rule);
  return explanation;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string ReachText(const Reach& reach) {
  std::string text;
  if (!reach.from.empty()) text += " from " + Joined(reach.from);
  if (!reach.ipv6) text += " over ipv4";
  if (!reach.ipv4) text += " over ipv6";
  return text;
}

std::string RuleText(const ExplainedRule& explained) {
  const Expectation& rule = *explained.rule;
  std::string text = ToString(rule.where) + " ";
  if (!explained.role.empty()) text += "role " + std::string(explained.role) + ": ";
  text += rule.ports.ToString() + " " + std::string(ToString(rule.state)) + ReachText(rule.reach);
  if (rule.service) text += ", service " + *rule.service;
  if (rule.severity) text += ", severity " + std::string(ToString(*rule.severity));
  if (!rule.note.empty()) text += " (" + Escaped(rule.note) + ")";
  return text;
}

std::string VerdictText(const ExplainedRule& explained) {
  switch (explained.verdict) {
    case Verdict::kDecides:
      return "  decides  " + RuleText(explained);
    case Verdict::kOtherViewpoint:
      return "  skipped  " + RuleText(explained) + "; not for this viewpoint";
    case Verdict::kOtherFamily:
      return "  skipped  " + RuleText(explained) + "; not for this family";
    case Verdict::kLater:
      return "  skipped  " + RuleText(explained) + "; another rule decides first";
  }
  return "";
}

std::string_view Meaning(ExpectedState state) {
  switch (state) {
    case ExpectedState::kOpen:
      return "must be open";
    case ExpectedState::kAllowed:
      return "may be in any state (allowed), changes are reported";
    case ExpectedState::kAny:
      return "may be in any state (any), nothing is reported";
    case ExpectedState::kClosed:
      return "must be closed";
    case ExpectedState::kFiltered:
      return "must be filtered";
    case ExpectedState::kNotOpen:
      return "must not be open (not_open)";
  }
  return "";
}

std::string AcceptText(const AcceptRule& accept, std::chrono::sys_days today) {
  const Acceptance& acceptance = accept.acceptance;
  const std::string place = ToString(accept.where);
  const std::string until = "until " + FormatDate(acceptance.until);
  const std::string why = Escaped(acceptance.reason) + " (" + Escaped(acceptance.ticket) + ")\n";
  if (acceptance.until >= today) return "  accepted " + place + " " + until + ": " + why;
  return "  was accepted " + until + ", which is past: " + place + " " + why;
}

std::string TextOf(const Explanation& explanation, const Host& host, std::chrono::sys_days today) {
  std::string text = "\n" + explanation.subject;
  if (!IpAddress::Parse(explanation.subject)) {
    text += " over " + std::string(ToString(explanation.family));
  }
  const std::string from = explanation.viewpoint.empty() ? "" : " from " + explanation.viewpoint;
  if (!explanation.has_family) {
    return text + " is not seen" + from + ", which has no " +
           std::string(ToString(explanation.family)) + " (viewpoints." + explanation.viewpoint +
           ".families); nothing is asked or reported\n";
  }
  if (!explanation.seen) return text + " is not seen" + from + "; it is never probed from there\n";
  text += from + " " + std::string(Meaning(explanation.expected)) + "\n";

  bool decided = false;
  for (const auto& explained : explanation.chain) {
    decided = decided || explained.verdict == Verdict::kDecides;
    text += VerdictText(explained) + "\n";
  }
  if (!decided) text += "  decides  otherwise: " + std::string(ToString(host.otherwise)) + "\n";
  if (explanation.accept != nullptr) text += AcceptText(*explanation.accept, today);
  return text;
}

}  // namespace

Result<ExplainTarget> FindTarget(const Policy& policy, std::string_view text) {
  if (const Host* host = policy.FindHost(text)) return ExplainTarget{host, std::nullopt};
  if (const Host* host = policy.FindHostByDns(text)) return ExplainTarget{host, std::nullopt};
  if (const auto address = IpAddress::Parse(text)) {
    if (const Host* host = policy.HostOf(*address)) return ExplainTarget{host, address};
    return UnknownAddress(policy, *address);
  }
  std::vector<std::string_view> names;
  for (const auto& host : policy.hosts) names.push_back(host.name);
  return Error{"the policy has no host '" + Escaped(text) + "'" + DidYouMean(text, names)};
}

std::vector<Explanation> Explain(const Policy& policy, const ExplainTarget& target,
                                 ProtocolPort port, std::string_view viewpoint) {
  const Host& host = *target.host;
  std::vector<std::string> viewpoints{std::string(viewpoint)};
  if (viewpoint.empty()) viewpoints = KnownViewpoints(policy, host);

  std::vector<Explanation> explanations;
  for (const auto& from : viewpoints) {
    for (const auto& address : host.addresses) {
      if (target.address && *target.address != address) continue;
      if (policy.MayProbe(address, from)) {
        explanations.push_back(
            ExplainOne(policy, host, port, from, address.family(), address.ToString()));
      } else {
        explanations.push_back({.subject = address.ToString(),
                                .viewpoint = from,
                                .family = address.family(),
                                .seen = false,
                                .has_family = policy.HasFamily(from, address.family()),
                                .chain = {}});
      }
    }
    if (target.address) continue;
    for (const auto& name : host.dns) {
      for (const auto family : kFamilies) {
        if (policy.HasFamily(from, family)) {
          explanations.push_back(ExplainOne(policy, host, port, from, family, name));
        } else {
          explanations.push_back({.subject = name,
                                  .viewpoint = from,
                                  .family = family,
                                  .seen = false,
                                  .has_family = false,
                                  .chain = {}});
        }
      }
    }
  }
  return explanations;
}

std::string ExplainText(const Policy& policy, const ExplainTarget& target, ProtocolPort port,
                        std::string_view viewpoint, std::chrono::sys_days today) {
  const Host& host = *target.host;
  std::string text = std::string(ToString(port.protocol)) + "/" + std::to_string(port.port) +
                     " of " + host.name + " (" + ToString(host.where) + ", ";
  text += host.owner.empty() ? "no owner)\n" : "owner " + Escaped(host.owner) + ")\n";
  for (const auto& explanation : Explain(policy, target, port, viewpoint)) {
    text += TextOf(explanation, host, today);
  }
  return text;
}

}  // namespace postern::policy

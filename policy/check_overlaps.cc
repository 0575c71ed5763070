#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy/check_policy.h"
#include "policy/find_overlaps.h"

namespace postern::policy {
namespace {

std::string Quoted(std::string_view text) { return "'" + Escaped(text) + "'"; }

std::string ServiceName(const Expectation& rule) {
  return rule.service ? Quoted(*rule.service) : "none";
}

// The first thing in which two rules differ, "state: 'closed' here, 'open' there"; empty if
// nothing does.
std::string Difference(const Expectation& here, const Expectation& there) {
  if (here.state != there.state) {
    return "state: " + Quoted(ToString(here.state)) + " here, " + Quoted(ToString(there.state)) +
           " there";
  }
  if (here.service != there.service) {
    return "service: " + ServiceName(here) + " here, " + ServiceName(there) + " there";
  }
  if (here.tls != there.tls) return "tls";
  if (here.severity != there.severity) return "severity";
  return "";
}

std::string Difference(const AcceptRule& here, const AcceptRule& there) {
  if (here.acceptance.until != there.acceptance.until) return "until";
  if (here.acceptance.reason != there.acceptance.reason) return "reason";
  if (here.acceptance.ticket != there.acceptance.ticket) return "ticket";
  return "";
}

// The ports that both have, cut where there are many.
std::string CommonPorts(const PortSet& a, const PortSet& b) {
  std::string ports = a.Intersection(b).ToString();
  constexpr std::size_t kMost = 60;
  if (ports.size() <= kMost) return ports;
  return ports.substr(0, ports.rfind(',', kMost)) + " and more";
}

template <typename Rule>
std::vector<Claim> ClaimsOf(const std::vector<const Rule*>& rules) {
  std::vector<Claim> claims;
  std::vector<const Rule*> meanings;
  for (const Rule* rule : rules) {
    std::size_t meaning = 0;
    while (meaning < meanings.size() && !Difference(*rule, *meanings[meaning]).empty()) ++meaning;
    if (meaning == meanings.size()) meanings.push_back(rule);
    claims.push_back({&rule->ports, &rule->reach, meaning});
  }
  return claims;
}

template <typename Rule>
void Report(const Rule& first, const Rule& second, const std::string& what, Problems& problems) {
  problems.Error(second.where,
                 what + " for " + CommonPorts(first.ports, second.ports) + " differ in " +
                     Difference(second, first) +
                     "; one must decide, narrow 'ports', 'from' or 'families'",
                 first.where, "the other one");
}

template <typename Rule>
std::vector<const Rule*> Pointers(const std::vector<Rule>& rules) {
  std::vector<const Rule*> pointers;
  pointers.reserve(rules.size());
  for (const auto& rule : rules) pointers.push_back(&rule);
  return pointers;
}

template <typename Rule>
void CheckList(const std::vector<Rule>& list, const std::string& what, Problems& problems) {
  if (list.size() < 2) return;
  const auto rules = Pointers(list);
  for (const auto& [first, second] : FindOverlaps(ClaimsOf(rules))) {
    Report(*rules[first], *rules[second], what, problems);
  }
}

using Role = std::pair<const std::string, std::vector<Expectation>>;

// What only shows where one host has both roles.
void CheckRolePair(const Host& host, const Role& a, const Role& b, Problems& problems) {
  auto rules = Pointers(a.second);
  const auto boundary = rules.size();
  for (const auto& rule : b.second) rules.push_back(&rule);
  for (const auto& [first, second] : FindOverlaps(ClaimsOf(rules))) {
    if (first >= boundary || second < boundary) continue;
    const std::string what = "host " + Quoted(host.name) + " has the roles " + Quoted(a.first) +
                             " and " + Quoted(b.first) + ", whose rules";
    Report(*rules[first], *rules[second], what, problems);
  }
}

}  // namespace

void CheckOverlaps(const Policy& policy, Problems& problems) {
  for (const auto& [name, rules] : policy.roles) CheckList(rules, "two rules", problems);

  std::set<std::pair<const Role*, const Role*>> checked;
  for (const auto& host : policy.hosts) {
    CheckList(host.expect, "two rules", problems);
    CheckList(host.accept, "two acceptances", problems);
    std::vector<const Role*> roles;
    for (const auto& name : host.roles) {
      const auto role = policy.roles.find(name);
      if (role == policy.roles.end()) continue;
      for (const Role* other : roles) {
        if (checked.emplace(std::minmax(other, &*role)).second) {
          CheckRolePair(host, *other, *role, problems);
        }
      }
      roles.push_back(&*role);
    }
  }
}

}  // namespace postern::policy

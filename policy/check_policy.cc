#include "policy/check_policy.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/time.h"
#include "policy/read_windows.h"
#include "policy/rules.h"
#include "policy/yaml_reader.h"

namespace postern::policy {
namespace {

template <typename Map>
std::vector<std::string_view> NamesOf(const Map& map) {
  std::vector<std::string_view> names;
  names.reserve(map.size());
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

std::string NotDefined(const std::string& noun, const std::string& name,
                       std::span<const std::string_view> defined) {
  const std::string hint = DidYouMean(name, defined);
  return "no " + noun + " '" + name + "' is defined" +
         (hint.empty() ? "; define it under '" + noun + "s'" : hint);
}

void CheckNames(const PolicyDraft& draft, const std::string& first_file, Problems& problems) {
  if (!draft.scope) {
    problems.Error({first_file, 1, 1},
                   "no scope: a policy says which addresses may be probed and by whose authority; "
                   "add scope: {authorized_by: ..., include: [...]}");
  }
  const auto roles = NamesOf(draft.policy.roles);
  for (const auto& places : draft.host_places) {
    for (const auto& [name, where] : places.roles) {
      if (draft.policy.roles.contains(name)) continue;
      problems.Error(where, NotDefined("role", name, roles));
    }
  }
  // A policy that names no viewpoints leaves their names to the daemons.
  if (draft.policy.viewpoints.empty()) return;
  const auto viewpoints = NamesOf(draft.policy.viewpoints);
  for (const auto& [name, where] : draft.from) {
    if (draft.policy.viewpoints.contains(name)) continue;
    problems.Error(where, NotDefined("viewpoint", name, viewpoints));
  }
}

// Why the scope leaves out `address`, or empty.
std::string OutOfScope(const AddressScope& scope, const IpAddress& address) {
  if (scope.Contains(address)) return "";
  for (const auto& prefix : scope.exclude) {
    if (prefix.Contains(address)) {
      return "the scope excludes " + prefix.ToString() + ", and excludes win";
    }
  }
  return "the scope does not include it";
}

// `noun` names what was found twice: "address".
void ReportShared(const Host& host, const Host& other, const std::string& noun,
                  const std::string& name, const SourceLocation& where, const SourceLocation& first,
                  Problems& problems) {
  const std::string whose =
      &host == &other ? "this host already" : "host '" + other.name + "' already";
  problems.Error(where, noun + " " + name + " belongs to " + whose + "; each belongs to one host",
                 first, "it stands here first");
}

void CheckAddresses(PolicyDraft& draft, Problems& problems) {
  Policy& policy = draft.policy;
  std::unordered_map<IpAddress, SourceLocation> places;
  for (std::size_t i = 0; i < policy.hosts.size(); ++i) {
    const Host& host = policy.hosts[i];
    for (std::size_t j = 0; j < host.addresses.size(); ++j) {
      const IpAddress& address = host.addresses[j];
      const SourceLocation& where = draft.host_places[i].addresses[j];
      const auto [first, added] = policy.host_by_address.emplace(address, i);
      if (added) {
        places.emplace(address, where);
      } else {
        ReportShared(host, policy.hosts[first->second], "address", address.ToString(), where,
                     places.at(address), problems);
      }
      if (!draft.scope) continue;
      if (const auto why = OutOfScope(policy.scope, address); !why.empty()) {
        problems.Error(where, address.ToString() + " may not be probed: " + why);
      }
    }
  }
}

void CheckDnsNames(const PolicyDraft& draft, Problems& problems) {
  std::unordered_map<std::string_view, std::pair<const Host*, const SourceLocation*>> seen;
  for (std::size_t i = 0; i < draft.policy.hosts.size(); ++i) {
    const Host& host = draft.policy.hosts[i];
    for (std::size_t j = 0; j < host.dns.size(); ++j) {
      const SourceLocation& where = draft.host_places[i].dns[j];
      const auto [first, added] = seen.try_emplace(host.dns[j], &host, &where);
      if (added) continue;
      ReportShared(host, *first->second.first, "DNS name", host.dns[j], where,
                   *first->second.second, problems);
    }
  }
}

bool Touch(const Prefix& a, const Prefix& b) {
  return a.Contains(b.base()) || b.Contains(a.base());
}

bool TouchesAny(const Prefix& prefix, const std::vector<Prefix>& others) {
  return std::any_of(others.begin(), others.end(),
                     [&](const Prefix& other) { return Touch(prefix, other); });
}

void CheckNetworks(const PolicyDraft& draft, Problems& problems) {
  std::map<Prefix, const Network*> seen;
  for (const auto& network : draft.policy.networks) {
    const auto [first, added] = seen.emplace(network.cidr, &network);
    if (!added) {
      problems.Error(network.where,
                     "a second network " + network.cidr.ToString() + "; each stands once",
                     first->second->where, "the first one");
    }
    if (draft.scope && !TouchesAny(network.cidr, draft.policy.scope.include)) {
      problems.Error(network.where,
                     network.cidr.ToString() + " may not be probed: the scope does not include it");
    }
  }
}

void CheckViewpointScopes(const PolicyDraft& draft, Problems& problems) {
  if (!draft.scope) return;
  for (const auto& [prefix, where] : draft.viewpoint_includes) {
    if (TouchesAny(prefix, draft.policy.scope.include)) continue;
    problems.Warning(where,
                     prefix.ToString() + " lies outside the scope; a viewpoint can only narrow it");
  }
}

void CheckOwners(const Policy& policy, Problems& problems) {
  if (!policy.require_owner) return;
  for (const auto& host : policy.hosts) {
    if (host.owner.empty()) {
      problems.Error(host.where, "host '" + host.name + "' needs an owner (require_owner is set)");
    }
  }
  for (const auto& network : policy.networks) {
    if (network.owner.empty()) {
      problems.Error(network.where, "network " + network.cidr.ToString() +
                                        " needs an owner (require_owner is set)");
    }
  }
}

void WarnOfPastAcceptances(const Policy& policy, std::chrono::sys_days today, Problems& problems) {
  for (const auto& host : policy.hosts) {
    for (const auto& accept : host.accept) {
      if (accept.acceptance.until >= today) continue;
      problems.Warning(accept.where, "this acceptance ended with " +
                                         FormatDate(accept.acceptance.until) +
                                         "; remove it, or renew it under a ticket");
    }
  }
}

// The names that stand for every viewpoint that may look at the host.
std::set<std::string> ViewpointsOf(const Policy& policy, const AcceptRule& accept) {
  std::set<std::string> names(accept.reach.from.begin(), accept.reach.from.end());
  if (!names.empty()) return names;
  for (const auto& [name, viewpoint] : policy.viewpoints) names.insert(name);
  if (names.empty()) names.insert("");
  return names;
}

bool HasFamily(const Host& host, Family family) {
  return !host.dns.empty() || std::ranges::any_of(host.addresses, [&](const IpAddress& address) {
    return address.family() == family;
  });
}

// Whether a drift of one of the acceptance's ports can come about from there.
bool CoversAnything(const RuleTable& rules, const AcceptRule& accept) {
  for (const auto protocol : kProtocols) {
    for (const auto& range : rules.ranges(protocol)) {
      const auto expected = range.decision.expected;
      if (expected == ExpectedState::kAny || expected == ExpectedState::kAllowed) continue;
      if (!accept.ports.Intersection(PortSet::Of(protocol, {range.ports})).empty()) return true;
    }
  }
  return false;
}

bool CoversAnything(const Policy& policy, const Host& host, const AcceptRule& accept) {
  for (const auto& viewpoint : ViewpointsOf(policy, accept)) {
    for (const auto family : kFamilies) {
      if (!HasFamily(host, family) || !accept.reach.Covers(viewpoint, family)) continue;
      if (CoversAnything(RuleTable(policy, host, viewpoint, family), accept)) return true;
    }
  }
  return false;
}

void WarnOfIdleAcceptances(const Policy& policy, Problems& problems) {
  for (const auto& host : policy.hosts) {
    for (const auto& accept : host.accept) {
      if (CoversAnything(policy, host, accept)) continue;
      problems.Warning(accept.where, "this acceptance covers nothing: the rules of host '" +
                                         host.name +
                                         "' allow these ports whatever their state, or it has no "
                                         "address of this family; remove it, or correct it");
    }
  }
}

}  // namespace

void CheckPolicy(PolicyDraft& draft, const std::string& first_file, std::chrono::sys_days today,
                 Problems& problems) {
  // Names that are missing may stand in a file that could not be parsed.
  if (draft.complete) CheckNames(draft, first_file, problems);
  CheckAddresses(draft, problems);
  CheckDnsNames(draft, problems);
  CheckNetworks(draft, problems);
  CheckViewpointScopes(draft, problems);
  if (draft.complete) CheckFamilies(draft, problems);
  CheckOwners(draft.policy, problems);
  CheckOverlaps(draft.policy, problems);
  WarnOfPastAcceptances(draft.policy, today, problems);
  if (draft.complete) WarnOfIdleAcceptances(draft.policy, problems);
  CheckWindows(draft, today, problems);
}

}  // namespace postern::policy

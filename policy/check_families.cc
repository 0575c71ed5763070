#include <algorithm>
#include <string>

#include "policy/check_policy.h"

namespace postern::policy {
namespace {

bool AnyHas(const Policy& policy, Family family) {
  return policy.viewpoints.empty() ||
         std::ranges::any_of(policy.viewpoints,
                             [&](const auto& entry) { return entry.second.families.Has(family); });
}

// Whether a viewpoint that the reach names has a family that it names.
bool IsSomewhere(const Policy& policy, const Reach& reach) {
  const auto is_unknown = [&](const std::string& name) {
    return !policy.viewpoints.contains(name);
  };
  // A name that nothing defines is an error already.
  if (policy.viewpoints.empty() || std::ranges::any_of(reach.from, is_unknown)) return true;
  return std::ranges::any_of(policy.viewpoints, [&](const auto& entry) {
    return std::ranges::any_of(kFamilies, [&](Family family) {
      return reach.Covers(entry.first, family) && entry.second.families.Has(family);
    });
  });
}

template <typename Rules>
void WarnOfRules(const Policy& policy, const Rules& rules, Problems& problems) {
  for (const auto& rule : rules) {
    if (IsSomewhere(policy, rule.reach)) continue;
    problems.Warning(rule.where,
                     "this applies nowhere: no viewpoint that it names has such a family "
                     "(viewpoints.NAME.families)");
  }
}

}  // namespace

void CheckFamilies(const PolicyDraft& draft, Problems& problems) {
  const auto& policy = draft.policy;
  for (std::size_t i = 0; i < policy.hosts.size(); ++i) {
    const auto& host = policy.hosts[i];
    for (std::size_t j = 0; j < host.addresses.size(); ++j) {
      const auto& address = host.addresses[j];
      if (AnyHas(policy, address.family())) continue;
      problems.Warning(draft.host_places[i].addresses[j],
                       address.ToString() + " is looked at from nowhere: no viewpoint has " +
                           std::string(ToString(address.family())) + " (viewpoints.NAME.families)");
    }
    WarnOfRules(policy, host.expect, problems);
    WarnOfRules(policy, host.accept, problems);
  }
  for (const auto& [name, rules] : policy.roles) WarnOfRules(policy, rules, problems);
}

}  // namespace postern::policy

#include "daemon/targets.h"

#include <chrono>
#include <map>

namespace postern::daemon {
namespace {

constexpr auto kResolveDeadline = std::chrono::seconds(10);

using Answers = std::map<std::string, scanner::Resolved>;

Answers ResolveAll(const policy::Policy& policy, const Resolver& resolver) {
  std::set<std::string> names;
  for (const auto& host : policy.hosts) names.insert(host.dns.begin(), host.dns.end());
  Answers answers;
  if (names.empty()) return answers;
  for (auto& answer : resolver({names.begin(), names.end()})) {
    answers.emplace(answer.name, std::move(answer));
  }
  return answers;
}

}  // namespace

std::vector<IpAddress> Targets::Addresses() const {
  std::vector<IpAddress> addresses;
  addresses.reserve(list.size());
  for (const auto& target : list) addresses.push_back(target.address);
  return addresses;
}

std::set<IpAddress> Targets::Listed() const {
  auto listed = remembered;
  for (const auto& target : list) listed.insert(target.address);
  return listed;
}

Targets FindTargets(const policy::Policy& policy, std::string_view viewpoint,
                    const Resolver& resolver) {
  const auto answers = ResolveAll(policy, resolver);
  Targets targets;
  std::set<IpAddress> taken;
  for (const auto& host : policy.hosts) {
    for (const auto& address : host.addresses) {
      if (!policy.MayProbe(address, viewpoint)) continue;
      taken.insert(address);
      targets.list.push_back({&host, address.ToString(), address});
    }
    for (const auto& name : host.dns) {
      const auto& answer = answers.at(name);
      if (!answer.error.empty()) {
        targets.unresolved.insert(name);
        targets.failures.push_back(answer);
      }
      scanner::Resolved outside{name, {}, {}};
      for (const auto& address : answer.addresses) {
        if (!policy.MayProbe(address, viewpoint)) {
          outside.addresses.push_back(address);
        } else if (policy.HostOf(address) == nullptr && taken.insert(address).second) {
          targets.list.push_back({&host, name, address});
        }
      }
      if (!outside.addresses.empty()) targets.out_of_scope.push_back(std::move(outside));
    }
  }
  return targets;
}

Resolver SystemResolver() {
  return [](const std::vector<std::string>& names) {
    return scanner::Resolve(names, kResolveDeadline);
  };
}

}  // namespace postern::daemon

#include "daemon/targets.h"

#include <algorithm>
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

std::vector<drift::NameAnswer> NamesOf(const policy::Policy& policy, const Answers& answers) {
  std::map<std::string, drift::NameAnswer> by_name;
  for (const auto& host : policy.hosts) {
    for (const auto& name : host.dns) {
      const auto& answer = answers.at(name);
      by_name.try_emplace(name,
                          drift::NameAnswer{name, &host, answer.addresses, answer.error.empty()});
    }
  }
  std::vector<drift::NameAnswer> names;
  for (auto& [name, answer] : by_name) {
    std::ranges::sort(answer.addresses);
    names.push_back(std::move(answer));
  }
  return names;
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
  targets.names = NamesOf(policy, answers);
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
      for (const auto& address : answer.addresses) {
        if (!policy.MayProbe(address, viewpoint) || policy.HostOf(address) != nullptr) continue;
        if (taken.insert(address).second) targets.list.push_back({&host, name, address});
      }
    }
  }
  return targets;
}

std::set<IpAddress> LastAddresses(const std::set<std::string>& names, const NameMemory& memory) {
  std::set<IpAddress> addresses;
  for (const auto& name : names) {
    const auto seen = memory.find(name);
    if (seen == memory.end()) continue;
    TimePoint newest{};
    for (const auto& [address, at] : seen->second) newest = std::max(newest, at);
    for (const auto& [address, at] : seen->second) {
      if (newest - at <= kNameMemoryStep) addresses.insert(address);
    }
  }
  return addresses;
}

Resolver SystemResolver() {
  return [](const std::vector<std::string>& names) {
    return scanner::Resolve(names, kResolveDeadline);
  };
}

}  // namespace postern::daemon

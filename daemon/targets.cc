#include "daemon/targets.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <span>

namespace postern::daemon {
namespace {

constexpr auto kResolveDeadline = std::chrono::seconds(10);

using Answers = std::map<std::string, scanner::Resolved>;

IpAddress Unspecified(Family family) {
  static constexpr std::array<std::uint8_t, 16> kZeros{};
  return *IpAddress::FromBytes(std::span(kZeros).first(family == Family::kIpv4 ? 4 : 16));
}

// Without what concerns a family that `viewpoint` does not have.
scanner::Resolved Seen(const policy::Policy& policy, std::string_view viewpoint,
                       scanner::Resolved answer) {
  std::erase_if(answer.addresses, [&](const IpAddress& address) {
    return !policy.HasFamily(viewpoint, address.family());
  });
  if (answer.failed && !policy.HasFamily(viewpoint, *answer.failed)) {
    answer.error.clear();
    answer.failed.reset();
  }
  return answer;
}

Answers ResolveAll(const policy::Policy& policy, std::string_view viewpoint,
                   const Resolver& resolver) {
  std::set<std::string> names;
  for (const auto& host : policy.hosts) names.insert(host.dns.begin(), host.dns.end());
  Answers answers;
  if (names.empty()) return answers;
  for (auto& answer : resolver({names.begin(), names.end()})) {
    auto name = answer.name;
    answers.emplace(std::move(name), Seen(policy, viewpoint, std::move(answer)));
  }
  return answers;
}

std::vector<drift::NameAnswer> NamesOf(const policy::Policy& policy, const Answers& answers) {
  std::map<std::string, drift::NameAnswer> by_name;
  for (const auto& host : policy.hosts) {
    for (const auto& name : host.dns) {
      const auto& answer = answers.at(name);
      by_name.try_emplace(name, drift::NameAnswer{.name = name,
                                                  .host = &host,
                                                  .addresses = answer.addresses,
                                                  .full = answer.error.empty(),
                                                  .error = answer.error,
                                                  .failed = answer.failed,
                                                  .own = answer.own});
    }
  }
  std::vector<drift::NameAnswer> names;
  for (auto& [name, answer] : by_name) {
    std::ranges::sort(answer.addresses);
    std::ranges::sort(answer.own);
    names.push_back(std::move(answer));
  }
  return names;
}

void AddUnanswered(const policy::Policy& policy, std::string_view viewpoint,
                   const policy::Host& host, const scanner::Resolved& answer, Targets& targets) {
  if (answer.error.empty()) return;
  targets.unresolved.insert(answer.name);
  targets.failures.push_back(answer);
  for (const auto family : kFamilies) {
    if (!answer.Failed(family) || !policy.HasFamily(viewpoint, family)) continue;
    targets.unanswered.push_back({&host, answer.name, Unspecified(family)});
  }
}

// How many addresses the name led to just now.
std::size_t Gave(const Targets& targets, std::string_view name) {
  const auto* answer = drift::FindAnswer(targets.names, name);
  return answer == nullptr ? 0 : answer->addresses.size();
}

// The addresses of the newest answer that is remembered, as far as it is known to the hour.
std::set<IpAddress> NewestOf(const LastSeen& seen) {
  std::set<IpAddress> addresses;
  TimePoint newest{};
  for (const auto& [address, at] : seen) newest = std::max(newest, at);
  for (const auto& [address, at] : seen) {
    if (newest - at <= kNameMemoryStep) addresses.insert(address);
  }
  return addresses;
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
  const auto answers = ResolveAll(policy, viewpoint, resolver);
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
      AddUnanswered(policy, viewpoint, host, answers.at(name), targets);
      const auto& answer = *drift::FindAnswer(targets.names, name);
      for (const auto& address : answer.addresses) {
        if (!policy.MayProbe(address, viewpoint) || policy.HostOf(address) != nullptr) continue;
        if (!drift::WhyNoTarget(policy, answer, address).empty()) continue;
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
    addresses.merge(NewestOf(seen->second));
  }
  return addresses;
}

void Remember(const policy::Policy& policy, std::string_view viewpoint, const NameMemory& memory,
              Targets& targets) {
  targets.remembered = LastAddresses(targets.unresolved, memory);
  std::set<IpAddress> taken;
  for (const auto& target : targets.list) taken.insert(target.address);
  std::vector<Target> places;
  for (const auto& target : targets.unanswered) {
    const auto seen = memory.find(target.subject);
    const auto last = seen == memory.end() ? std::set<IpAddress>() : NewestOf(seen->second);
    const auto in_family = [&](const IpAddress& address) {
      return address.family() == target.address.family();
    };
    if (std::ranges::none_of(last, in_family)) {
      // A name that gives no answer at all is missed where it used to lead.
      const bool elsewhere = !last.empty() && Gave(targets, target.subject) == 0;
      if (!elsewhere) places.push_back(target);
      continue;
    }
    for (const auto& address : last) {
      if (!in_family(address) || !policy.MayProbe(address, viewpoint)) continue;
      if (policy.HostOf(address) != nullptr || !taken.insert(address).second) continue;
      places.push_back({target.host, target.subject, address});
    }
  }
  targets.unanswered = std::move(places);
}

Resolver AnswersOf(const Targets& targets) {
  std::map<std::string, scanner::Resolved> answers;
  for (const auto& answer : targets.names) {
    answers[answer.name] = {.name = answer.name,
                            .addresses = answer.addresses,
                            .error = answer.error,
                            .failed = answer.failed,
                            .own = answer.own};
  }
  return [answers = std::move(answers)](const std::vector<std::string>& names) {
    std::vector<scanner::Resolved> resolved;
    for (const auto& name : names) {
      const auto at = answers.find(name);
      resolved.push_back(
          at != answers.end()
              ? at->second
              : scanner::Resolved{.name = name, .error = std::string(drift::kNotAsked)});
    }
    return resolved;
  };
}

Resolver SystemResolver() {
  return [](const std::vector<std::string>& names) {
    return scanner::Resolve(names, kResolveDeadline);
  };
}

}  // namespace postern::daemon

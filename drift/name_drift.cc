#include "drift/name_drift.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "core/special_address.h"

namespace postern::drift {
namespace {

bool Has(const NameAnswer& answer, const IpAddress& address) {
  return std::ranges::binary_search(answer.addresses, address);
}

Drift DriftOf(DriftKind kind, const NameAnswer& answer) {
  Drift drift;
  drift.kind = kind;
  drift.subject = answer.name;
  drift.host = answer.host->name;
  drift.owner = answer.host->owner;
  drift.labels = answer.host->labels;
  drift.rule = ToString(answer.host->where);
  return drift;
}

// None if no address of the answer is `wanted`.
std::optional<Drift> DriftOf(DriftKind kind, const NameAnswer& answer,
                             const std::function<bool(const IpAddress&)>& wanted) {
  auto drift = DriftOf(kind, answer);
  std::ranges::copy_if(answer.addresses, std::back_inserter(drift.addresses), wanted);
  if (drift.addresses.empty()) return std::nullopt;
  if (drift.addresses.size() > kMostDriftAddresses) drift.addresses.resize(kMostDriftAddresses);
  return drift;
}

// "127.0.0.1 is a loopback address", of the addresses that no scope could make targets. Empty where
// there is none.
std::string WhyNoneIsATarget(const policy::Policy& policy, const NameAnswer& answer,
                             const std::vector<IpAddress>& addresses) {
  constexpr std::size_t kShown = 4;  // a sentence, not a list
  std::string text;
  std::size_t shown = 0;
  for (const auto& address : addresses) {
    const auto why = WhyNoTarget(policy, answer, address);
    if (why.empty() || ++shown > kShown) continue;
    text += (text.empty() ? "" : ", ") + address.ToString() + " is " + why;
  }
  return text;
}

// Precondition: not empty.
TimePoint NewestOf(const LastSeen& seen) {
  return std::ranges::max_element(seen, {}, &LastSeen::value_type::second)->second;
}

// By the name's own answers, not by the clock: while nobody asks, nothing is forgotten.
bool IsNew(const LastSeen& seen, const IpAddress& address) {
  const auto at = seen.find(address);
  return at == seen.end() || NewestOf(seen) - at->second > kAddressMemory;
}

}  // namespace

const NameAnswer* FindAnswer(std::span<const NameAnswer> names, std::string_view name) {
  const auto at = std::ranges::lower_bound(names, name, {}, &NameAnswer::name);
  return at == names.end() || at->name != name ? nullptr : &*at;
}

std::string WhyNoTarget(const policy::Policy& policy, const NameAnswer& answer,
                        const IpAddress& address) {
  if (policy.HostOf(address) != nullptr) return "";
  if (auto why = WhySpecial(address); !why.empty()) return why;
  const auto is_own = [&](const IpAddress& one) {
    return std::ranges::binary_search(answer.own, one);
  };
  return is_own(address) ? "an address of the machine that posternd runs on" : "";
}

std::vector<Drift> UnresolvedDrift(std::span<const NameAnswer> names) {
  std::vector<Drift> drifts;
  for (const auto& answer : names) {
    if (answer.full || answer.error == kNotAsked) continue;
    auto drift = DriftOf(DriftKind::kDnsUnresolved, answer);
    drift.severity = Severity::kWarning;
    drift.expected = "an answer of the name";
    drift.detail = answer.error;
    if (answer.failed) drift.detail += *answer.failed == Family::kIpv4 ? " (A)" : " (AAAA)";
    drifts.push_back(std::move(drift));
  }
  return drifts;
}

std::vector<Drift> OutOfScopeDrift(const policy::Policy& policy, std::string_view viewpoint,
                                   std::span<const NameAnswer> names) {
  std::vector<Drift> drifts;
  for (const auto& answer : names) {
    auto drift = DriftOf(DriftKind::kDnsOutOfScope, answer, [&](const IpAddress& address) {
      return !policy.MayProbe(address, viewpoint) || !WhyNoTarget(policy, answer, address).empty();
    });
    if (!drift) continue;
    drift->severity = Severity::kWarning;
    drift->detail = WhyNoneIsATarget(policy, answer, drift->addresses);
    drift->expected = "addresses in the scope of this viewpoint";
    drifts.push_back(*std::move(drift));
  }
  return drifts;
}

std::vector<Drift> ChangedNameDrift(const policy::Policy& policy, std::string_view viewpoint,
                                    std::span<const NameAnswer> names, const NameMemory& memory) {
  std::vector<Drift> drifts;
  for (const auto& answer : names) {
    const auto seen = memory.find(answer.name);
    if (!answer.full || seen == memory.end() || seen->second.empty()) continue;
    auto drift = DriftOf(DriftKind::kDnsChanged, answer, [&](const IpAddress& address) {
      return policy.MayProbe(address, viewpoint) && IsNew(seen->second, address) &&
             WhyNoTarget(policy, answer, address).empty();
    });
    if (!drift) continue;
    drift->severity = Severity::kInfo;
    drift->expected = "addresses that the name led to in the last 30 days";
    drifts.push_back(*std::move(drift));
  }
  return drifts;
}

std::optional<Resolution> EndOfNameDrift(const Finding& finding, const policy::Policy& policy,
                                         std::string_view viewpoint,
                                         std::span<const NameAnswer> names) {
  const auto& drift = finding.drift;
  if (FindAnswer(names, drift.subject) == nullptr) return Resolution::kWithdrawn;
  if (drift.kind != DriftKind::kDnsOutOfScope || finding.policy_hash == policy.hash) {
    return std::nullopt;
  }
  const bool unseen = std::ranges::none_of(drift.addresses, [&](const IpAddress& address) {
    return policy.HasFamily(viewpoint, address.family());
  });
  if (unseen) return Resolution::kWithdrawn;
  // What no scope makes a target is one only where the policy itself lists it.
  const bool in_scope = std::ranges::all_of(drift.addresses, [&](const IpAddress& address) {
    return policy.MayProbe(address, viewpoint) &&
           (drift.detail.empty() || policy.HostOf(address) != nullptr);
  });
  return in_scope && finding.agreeing == 0 ? std::optional(Resolution::kPolicy) : std::nullopt;
}

EventEvidence EvidenceOf(const Drift& event, const NameAnswer& answer) {
  if (std::ranges::any_of(event.addresses, std::bind_front(Has, std::cref(answer)))) {
    return EventEvidence::kHolds;
  }
  return answer.full ? EventEvidence::kGone : EventEvidence::kNone;
}

Drift Merged(const Drift& event, Drift newer, const NameAnswer& answer) {
  std::ranges::copy_if(event.addresses, std::back_inserter(newer.addresses),
                       std::bind_front(Has, std::cref(answer)));
  auto& addresses = newer.addresses;
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  if (addresses.size() > kMostDriftAddresses) addresses.resize(kMostDriftAddresses);
  return newer;
}

}  // namespace postern::drift

#include "drift/name_drift.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace postern::drift {
namespace {

bool Has(const NameAnswer& answer, const IpAddress& address) {
  return std::ranges::binary_search(answer.addresses, address);
}

// None if no address of the answer is `wanted`.
std::optional<Drift> DriftOf(DriftKind kind, const NameAnswer& answer,
                             const std::function<bool(const IpAddress&)>& wanted) {
  Drift drift;
  drift.kind = kind;
  std::ranges::copy_if(answer.addresses, std::back_inserter(drift.addresses), wanted);
  if (drift.addresses.empty()) return std::nullopt;
  if (drift.addresses.size() > kMostDriftAddresses) drift.addresses.resize(kMostDriftAddresses);
  drift.subject = answer.name;
  drift.host = answer.host->name;
  drift.owner = answer.host->owner;
  drift.labels = answer.host->labels;
  drift.rule = ToString(answer.host->where);
  return drift;
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

std::vector<Drift> OutOfScopeDrift(const policy::Policy& policy, std::string_view viewpoint,
                                   std::span<const NameAnswer> names) {
  std::vector<Drift> drifts;
  for (const auto& answer : names) {
    auto drift = DriftOf(DriftKind::kDnsOutOfScope, answer, [&](const IpAddress& address) {
      return !policy.MayProbe(address, viewpoint);
    });
    if (!drift) continue;
    drift->severity = Severity::kWarning;
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
      return policy.MayProbe(address, viewpoint) && IsNew(seen->second, address);
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
  const bool in_scope = std::ranges::all_of(drift.addresses, [&](const IpAddress& address) {
    return policy.MayProbe(address, viewpoint);
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

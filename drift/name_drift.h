// What the names of the policy lead to: addresses outside the scope, and addresses that are new.
// Pure functions over answers; nothing here resolves a name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/drift.h"
#include "core/finding.h"
#include "core/name_memory.h"
#include "drift/history_drift.h"
#include "policy/policy.h"

namespace postern::drift {

// NameAnswer::error of a name that was not asked for: the policy has got it since.
inline constexpr std::string_view kNotAsked = "not resolved yet";

struct NameAnswer {
  std::string name;
  const policy::Host* host = nullptr;     // the first that has the name; owned by the policy
  std::vector<IpAddress> addresses = {};  // ascending
  bool full = false;                      // no family failed: it leads to no further address
  std::string error = {};                 // why it is not full
  // With an error: the one family that failed. None: neither answered.
  std::optional<Family> failed = {};
  std::vector<IpAddress> own = {};  // of `addresses`, those of this machine
};

// Null if the policy has no such name. `names` ascend.
const NameAnswer* FindAnswer(std::span<const NameAnswer> names, std::string_view name);

// Returns what forbids that the answer makes `address` a target whatever the scope, as "a loopback
// address": what core/special_address.h lists, and this machine's own. Empty: nothing does. An
// address that the policy itself lists is not forbidden.
std::string WhyNoTarget(const policy::Policy& policy, const NameAnswer& answer,
                        const IpAddress& address);

// dns_unresolved: one for each name that was asked for and gave no full answer.
std::vector<Drift> UnresolvedDrift(std::span<const NameAnswer> names);

// dns_out_of_scope: one for each name that answers with addresses which `viewpoint` may not probe,
// or which no name makes a target.
std::vector<Drift> OutOfScopeDrift(const policy::Policy& policy, std::string_view viewpoint,
                                   std::span<const NameAnswer> names);

// dns_changed: one for each name whose full answer has addresses in the scope that are not in
// `memory`, or that the name has done without for kAddressMemory. The first answer of a name is no
// change, and what lies outside the scope is reported as that.
std::vector<Drift> ChangedNameDrift(const policy::Policy& policy, std::string_view viewpoint,
                                    std::span<const NameAnswer> names, const NameMemory& memory);

// How a dns_* finding ends without an answer: withdrawn where the policy no longer has the name,
// policy where an edit brought all its addresses into the scope.
std::optional<Resolution> EndOfNameDrift(const Finding& finding, const policy::Policy& policy,
                                         std::string_view viewpoint,
                                         std::span<const NameAnswer> names);

// Whether an answer bears out a dns_changed that an earlier run reported: one that is not full and
// has none of its addresses says nothing.
EventEvidence EvidenceOf(const Drift& event, const NameAnswer& answer);

// `newer`, a later dns_changed of the same name, with the addresses of `event` that the name still
// leads to.
Drift Merged(const Drift& event, Drift newer, const NameAnswer& answer);

}  // namespace postern::drift

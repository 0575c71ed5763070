// The addresses that a run looks at: the policy's hosts, by address and by name.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/name_memory.h"
#include "drift/name_drift.h"
#include "policy/policy.h"
#include "scanner/resolve.h"

namespace postern::daemon {

struct Target {
  const policy::Host* host = nullptr;  // owned by the policy
  std::string subject;                 // what a finding's identity goes by: the address or the name
  IpAddress address;
};

struct Targets {
  std::vector<Target> list;                 // each address once; a host's addresses are adjacent
  std::set<std::string> unresolved;         // names without a full answer
  std::vector<scanner::Resolved> failures;  // of these, with the reason
  // Every name of the policy, ascending, each once, with all that it led to.
  std::vector<drift::NameAnswer> names;
  // What could not be looked at: each family of a name that gave no answer, at the addresses that
  // it last led to as far as the caller remembers, else at the family's unspecified address.
  std::vector<Target> unanswered;
  // Where unresolved names led to before, as far as the caller remembers: they may well still.
  std::set<IpAddress> remembered;

  std::vector<IpAddress> Addresses() const;
  // What entries of the policy name, or may name.
  std::set<IpAddress> Listed() const;
};

using Resolver = std::function<std::vector<scanner::Resolved>(const std::vector<std::string>&)>;

// Every address that `viewpoint` may probe; answers of a family that it does not have are left out.
// An address that several hosts claim goes to the one that lists it, else to the first whose name
// answers with it. A name makes neither this machine nor a special address a target
// (drift::WhyNoTarget).
Targets FindTargets(const policy::Policy& policy, std::string_view viewpoint,
                    const Resolver& resolver);

// Where `names` led to when they last resolved. Of names that resolve, where they lead to is known
// better.
std::set<IpAddress> LastAddresses(const std::set<std::string>& names, const NameMemory& memory);

// Fills in where the names that do not resolve now led to before: Targets::remembered, and the
// places in Targets::unanswered.
void Remember(const policy::Policy& policy, std::string_view viewpoint, const NameMemory& memory,
              Targets& targets);

// Answers with what a run was answered already.
Resolver AnswersOf(const Targets& targets);

// c-ares with the machine's resolvers and a deadline of 10 s for all names together.
Resolver SystemResolver();

}  // namespace postern::daemon

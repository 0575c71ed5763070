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
  // Where unresolved names led to before, as far as the caller remembers: they may well still.
  std::set<IpAddress> remembered;

  std::vector<IpAddress> Addresses() const;
  // What entries of the policy name, or may name.
  std::set<IpAddress> Listed() const;
};

using Resolver = std::function<std::vector<scanner::Resolved>(const std::vector<std::string>&)>;

// Every address that `viewpoint` may probe. An address that several hosts claim goes to the one
// that lists it, else to the first whose name answers with it.
Targets FindTargets(const policy::Policy& policy, std::string_view viewpoint,
                    const Resolver& resolver);

// Where `names` led to when they last resolved. Of names that resolve, where they lead to is known
// better.
std::set<IpAddress> LastAddresses(const std::set<std::string>& names, const NameMemory& memory);

// c-ares with the machine's resolvers and a deadline of 10 s for all names together.
Resolver SystemResolver();

}  // namespace postern::daemon

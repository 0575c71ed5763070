// The life of findings: what one run, or one edit of the policy, does to them. A pure function over
// values; the rules are semantics' "A finding's life", explained for users in docs/findings.md.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/discovery.h"
#include "core/finding.h"
#include "core/time.h"
#include "drift/judged_address.h"
#include "policy/config.h"
#include "policy/policy.h"

namespace postern::drift {

// Everything that findings are judged by.
struct Judgement {
  TimePoint now;
  // The run that brought JudgedAddress::fresh; 0: no run, the policy alone is judged anew.
  std::int64_t run = 0;
  std::string viewpoint;
  const policy::Policy* policy = nullptr;
  policy::Confirm confirm;
  // Every address of the policy that this viewpoint may probe, the hosts' addresses adjacent.
  std::span<const JudgedAddress> addresses;
  // Names that do not resolve at present: nothing is known of their hosts.
  std::set<std::string> unresolved_names;
  std::span<const Drift> drifts;
  // Ids of unexpected_open findings that a second method saw as well.
  std::set<std::string> confirmed;
  // What the run's sweep learnt in the families that it can be believed for; null: it swept
  // nothing.
  const Discovery* discovery = nullptr;
  // Per family: silence may be believed (VouchedFamilies).
  std::array<bool, 2> vouched{};
};

struct Advance {
  std::vector<Finding> changed;         // to be stored, new ones included
  std::vector<std::string> dropped;     // pending ones that turned out to be nothing
  std::vector<Transition> transitions;  // to be delivered
};

// `findings` are all that the store has. Those of another viewpoint are left alone.
Advance AdvanceFindings(std::span<const Finding> findings, const Judgement& judgement);

}  // namespace postern::drift

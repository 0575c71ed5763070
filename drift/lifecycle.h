// The life of findings: what one run, or one edit of the policy, does to them. A pure function over
// values; the rules are semantics' "A finding's life", explained for users in docs/findings.md.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/finding.h"
#include "drift/judgement.h"

namespace postern::drift {

struct Advance {
  std::vector<Finding> changed;         // to be stored, new ones included
  std::vector<std::string> dropped;     // pending ones that turned out to be nothing
  std::vector<Transition> transitions;  // to be delivered
};

// `findings` are all that the store has. Those of another viewpoint are left alone.
Advance AdvanceFindings(std::span<const Finding> findings, const Judgement& judgement);

}  // namespace postern::drift

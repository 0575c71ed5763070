// The checks that need the whole policy: names that must exist, addresses that belong to one host
// and lie in the scope, owners, rules that contradict each other, acceptances that are over.
#pragma once

#include <chrono>
#include <string>

#include "policy/policy_draft.h"
#include "policy/problems.h"

namespace postern::policy {

// Also fills Policy::host_by_address. What is missing altogether is reported at the top of
// `first_file`.
void CheckPolicy(PolicyDraft& draft, const std::string& first_file, std::chrono::sys_days today,
                 Problems& problems);

// Its part about families: warns of addresses and rules for which no viewpoint has the family.
void CheckFamilies(const PolicyDraft& draft, Problems& problems);

// Its part about rules: overlaps within `expect`, a role, the roles of one host and `accept`.
void CheckOverlaps(const Policy& policy, Problems& problems);

}  // namespace postern::policy

// What changed since the last trusted observation although the policy allows both. Pure functions.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/drift.h"
#include "drift/judged_address.h"
#include "policy/policy.h"

namespace postern::drift {

// state_changed: an `allowed` endpoint that became open or ceased to be, and an address whose most
// common state changed (then its ports are not reported one by one).
std::vector<Drift> HistoryDrift(const policy::Policy& policy, std::string_view viewpoint,
                                std::span<const JudgedAddress> addresses);

// Whether the run's fresh observations bear out an event that an earlier run reported.
enum class EventEvidence { kNone, kHolds, kGone };
EventEvidence EvidenceOf(const Drift& event, const JudgedAddress& at);

}  // namespace postern::drift

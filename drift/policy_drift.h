// Where the known states of the policy's hosts disagree with the policy. Pure functions.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/drift.h"
#include "core/time.h"
#include "drift/judged_address.h"
#include "policy/policy.h"

namespace postern::drift {

// unexpected_open, missing, host_unreachable, wrong_state and family_divergence over
// JudgedAddress::now, in the order of `addresses` and ports. `time` decides which acceptances still
// hold. The addresses of one host must stand next to each other. `ports_secret` is what the random
// ports of all_ports_open are keyed with (drift/all_ports.h).
std::vector<Drift> PolicyDrift(const policy::Policy& policy, std::string_view viewpoint,
                               std::span<const JudgedAddress> addresses, TimePoint time,
                               std::string_view ports_secret = {});

}  // namespace postern::drift

// Which rule decides one port of one host, and why: for people (`postern explain`). Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.h"
#include "core/port_set.h"
#include "core/result.h"
#include "policy/policy.h"

namespace postern::policy {

// What to explain: a host of the policy, or one of its addresses.
struct ExplainTarget {
  const Host* host = nullptr;
  std::optional<IpAddress> address;  // none: all addresses of the host
};

// `text` is a host's name, one of its DNS names, or an address. An error says what the policy knows
// instead.
Result<ExplainTarget> FindTarget(const Policy& policy, std::string_view text);

// One rule that names the port.
struct ExplainedRule {
  enum class Verdict { kDecides, kOtherViewpoint, kOtherFamily, kLater };

  const Expectation* rule = nullptr;
  std::string_view role;  // empty: the host itself
  Verdict verdict = Verdict::kDecides;
};

// One address (or one family of a DNS name) from one viewpoint.
struct Explanation {
  std::string subject;    // the address or DNS name
  std::string viewpoint;  // empty: the policy tells no viewpoints apart
  Family family = Family::kIpv4;
  bool seen = true;                  // false: never probed from there; nothing below is set
  bool has_family = true;            // false: not seen, since the viewpoint has no such family
  std::vector<ExplainedRule> chain;  // in the order in which they are asked
  ExpectedState expected = ExpectedState::kNotOpen;
  const AcceptRule* accept = nullptr;
};

// From `viewpoint`, or from each that the policy knows where that is empty. Points into the policy.
std::vector<Explanation> Explain(const Policy& policy, const ExplainTarget& target,
                                 ProtocolPort port, std::string_view viewpoint);

// As `postern explain` prints it.
std::string ExplainText(const Policy& policy, const ExplainTarget& target, ProtocolPort port,
                        std::string_view viewpoint, std::chrono::sys_days today);

}  // namespace postern::policy

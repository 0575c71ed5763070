// The part of a drift that is the same for every kind.
#pragma once

#include "core/drift.h"
#include "drift/judged_address.h"
#include "policy/rules.h"

namespace postern::drift {

// A drift of `ports` at `at`; `port` is set where it is only one. `decision` is the rule that the
// observation is judged by.
inline Drift DriftOf(DriftKind kind, const JudgedAddress& at, Protocol protocol, PortRange ports,
                     const Verdict& observed, const policy::Decision& decision) {
  Drift drift;
  drift.kind = kind;
  drift.host = at.host->name;
  drift.owner = at.host->owner;
  drift.labels = at.host->labels;
  drift.subject = at.subject;
  drift.address = at.address();
  drift.protocol = protocol;
  drift.port = ports.first == ports.last ? ports.first : std::uint16_t{0};
  drift.ports = PortSet::Of(protocol, {ports});
  drift.observed = observed;
  drift.expected = ToString(decision.expected);
  drift.rule = decision.rule ? ToString(decision.rule->where) : "otherwise";
  drift.severity =
      decision.rule && decision.rule->severity ? *decision.rule->severity : Severity::kWarning;
  return drift;
}

}  // namespace postern::drift

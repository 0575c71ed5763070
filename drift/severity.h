// The default severity of each kind of drift.
#pragma once

#include "core/drift.h"
#include "core/port_set.h"
#include "policy/policy.h"

namespace postern::drift {

// A port whose service hands over data or control when it is reachable: databases, remote
// administration and orchestration. docs/findings.md lists them.
bool IsSensitivePort(Protocol protocol, std::uint16_t port);

// Those of `ports` that IsSensitivePort names.
PortSet SensitivePorts(const PortSet& ports);

// semantics: critical for a sensitive port, for a host of high criticality, and where only one
// family is open; else warning.
Severity UnexpectedOpenSeverity(const policy::Host& host, ProtocolPort port, bool only_ipv6);

}  // namespace postern::drift

#include "core/drift.h"

#include <utility>

#include "core/enum_names.h"

namespace postern {
namespace {

constexpr EnumNames<Severity, 3> kSeverities = {{
    {Severity::kInfo, "info"},
    {Severity::kWarning, "warning"},
    {Severity::kCritical, "critical"},
}};

constexpr EnumNames<DriftKind, 8> kKinds = {{
    {DriftKind::kUnexpectedOpen, "unexpected_open"},
    {DriftKind::kMissing, "missing"},
    {DriftKind::kHostUnreachable, "host_unreachable"},
    {DriftKind::kAllPortsOpen, "all_ports_open"},
    {DriftKind::kWrongState, "wrong_state"},
    {DriftKind::kFamilyDivergence, "family_divergence"},
    {DriftKind::kStateChanged, "state_changed"},
    {DriftKind::kUnlistedHost, "unlisted_host"},
}};

std::string_view OtherFamily(const IpAddress& address) {
  return ToString(address.family() == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4);
}

std::string UnlistedSummary(const Drift& drift) {
  const std::string sign = " (" + ToString(drift.observed.reason) + ")";
  if (drift.subject != drift.address.ToString()) {
    return "more than half of the addresses of " + drift.subject +
           " that no host of the policy has answer alike" + sign;
  }
  return drift.subject + " is up" + sign + " and no host of the policy has it; " +
         (drift.ports.empty() ? "no port of it is known to be open"
                              : drift.ports.ToString() + " open");
}

}  // namespace

std::string_view ToString(Severity severity) { return NameOf(kSeverities, severity); }

std::optional<Severity> ParseSeverity(std::string_view text) { return ValueOf(kSeverities, text); }

std::string_view ToString(DriftKind kind) { return NameOf(kKinds, kind); }

std::optional<DriftKind> ParseDriftKind(std::string_view text) { return ValueOf(kKinds, text); }

bool IsEvent(DriftKind kind) { return kind == DriftKind::kStateChanged; }

std::string_view ObservedState(const Drift& drift) {
  return drift.kind == DriftKind::kUnlistedHost ? "up" : ToString(drift.observed.state);
}

std::string ObservedText(const Drift& drift) {
  return std::string(ObservedState(drift)) + " (" + ToString(drift.observed.reason) + ")";
}

std::string Summary(const Drift& drift) {
  const std::string where = drift.host + " (" + drift.address.ToString() + ")";
  const std::string ports = drift.ports.ToString();
  const std::string state(ToString(drift.observed.state));
  const std::string reason = " (" + ToString(drift.observed.reason) + ")";
  switch (drift.kind) {
    case DriftKind::kUnexpectedOpen: {
      std::string text = ports + " is open on " + where + "; the policy says " + drift.expected;
      if (drift.only_family) {
        text += "; it is not open over " + std::string(OtherFamily(drift.address));
      }
      return text;
    }
    case DriftKind::kMissing:
      return ports + " on " + where + " must be open and is " + state + reason;
    case DriftKind::kHostUnreachable:
      return "none of the ports that must be open on " + where + " answers: " + ports;
    case DriftKind::kAllPortsOpen:
      return where + " answers on " + std::to_string(drift.ports.size()) + " " +
             std::string(ToString(drift.protocol)) +
             " ports that the policy does not allow, more than can all be services";
    case DriftKind::kWrongState:
      return ports + " on " + where + " must be " + drift.expected + " and is " + state + reason;
    case DriftKind::kFamilyDivergence:
      return ports + " on " + where + " is open over " +
             std::string(ToString(drift.address.family())) + " but not over " +
             std::string(OtherFamily(drift.address)) + ", by the same rule";
    case DriftKind::kStateChanged:
      return (drift.port == 0 ? "most ports" : ports) + " on " + where + " changed from " +
             std::string(ToString(drift.before)) + " to " + state + reason;
    case DriftKind::kUnlistedHost:
      return UnlistedSummary(drift);
  }
  return {};
}

}  // namespace postern

#include "core/drift.h"

#include <algorithm>
#include <utility>

#include "core/counted.h"
#include "core/enum_names.h"

namespace postern {
namespace {

constexpr EnumNames<Severity, 3> kSeverities = {{
    {Severity::kInfo, "info"},
    {Severity::kWarning, "warning"},
    {Severity::kCritical, "critical"},
}};

constexpr EnumNames<DriftKind, 13> kKinds = {{
    {DriftKind::kUnexpectedOpen, "unexpected_open"},
    {DriftKind::kMissing, "missing"},
    {DriftKind::kHostUnreachable, "host_unreachable"},
    {DriftKind::kAllPortsOpen, "all_ports_open"},
    {DriftKind::kWrongState, "wrong_state"},
    {DriftKind::kFamilyDivergence, "family_divergence"},
    {DriftKind::kStateChanged, "state_changed"},
    {DriftKind::kUnlistedHost, "unlisted_host"},
    {DriftKind::kDnsOutOfScope, "dns_out_of_scope"},
    {DriftKind::kDnsChanged, "dns_changed"},
    {DriftKind::kDnsUnresolved, "dns_unresolved"},
    {DriftKind::kViewpointBlind, "viewpoint_blind"},
    {DriftKind::kCoverageStale, "coverage_stale"},
}};

// A sentence shows so many addresses of a name.
constexpr std::size_t kShownAddresses = 4;
// And so many ranges of ports.
constexpr std::size_t kShownRanges = 16;

// "tcp/22,80-90 and 3 more"
std::string PortsText(const PortSet& ports) {
  const auto shown = ports.FirstRanges(kShownRanges);
  const auto others = ports.size() - shown.size();
  const auto text = shown.ToString();
  return others == 0 ? text : text + " and " + std::to_string(others) + " more";
}

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
                              : PortsText(drift.ports) + " open");
}

// "192.0.2.1, 192.0.2.2 and 3 more"
std::string Addresses(const Drift& drift) {
  std::string text;
  const auto shown = std::min(drift.addresses.size(), kShownAddresses);
  for (std::size_t i = 0; i < shown; ++i) {
    text += (i == 0 ? "" : ", ") + drift.addresses[i].ToString();
  }
  const auto others = drift.addresses.size() - shown;
  return others == 0 ? text : text + " and " + std::to_string(others) + " more";
}

}  // namespace

std::string_view ToString(Severity severity) { return NameOf(kSeverities, severity); }

std::optional<Severity> ParseSeverity(std::string_view text) { return ValueOf(kSeverities, text); }

std::string_view ToString(DriftKind kind) { return NameOf(kKinds, kind); }

std::optional<DriftKind> ParseDriftKind(std::string_view text) { return ValueOf(kKinds, text); }

bool IsEvent(DriftKind kind) {
  return kind == DriftKind::kStateChanged || kind == DriftKind::kDnsChanged;
}

DriftSubject SubjectOf(DriftKind kind) {
  switch (kind) {
    case DriftKind::kUnexpectedOpen:
    case DriftKind::kMissing:
    case DriftKind::kHostUnreachable:
    case DriftKind::kAllPortsOpen:
    case DriftKind::kWrongState:
    case DriftKind::kFamilyDivergence:
    case DriftKind::kStateChanged:
      return DriftSubject::kPorts;
    case DriftKind::kUnlistedHost:
      return DriftSubject::kNetwork;
    case DriftKind::kDnsOutOfScope:
    case DriftKind::kDnsChanged:
    case DriftKind::kDnsUnresolved:
      return DriftSubject::kName;
    case DriftKind::kViewpointBlind:
      return DriftSubject::kFamily;
    case DriftKind::kCoverageStale:
      return DriftSubject::kScan;
  }
  return DriftSubject::kPorts;
}

std::string_view ObservedState(const Drift& drift) {
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
      return ToString(drift.observed.state);
    case DriftSubject::kNetwork:
      return "up";
    case DriftSubject::kName:
      return drift.kind == DriftKind::kDnsUnresolved ? "unresolved" : "answered";
    case DriftSubject::kFamily:
      return "blind";
    case DriftSubject::kScan:
      return "stale";
  }
  return {};
}

std::string ObservedText(const Drift& drift) {
  const std::string state(ObservedState(drift));
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
    case DriftSubject::kNetwork:
      return state + " (" + ToString(drift.observed.reason) + ")";
    case DriftSubject::kName:
      if (drift.kind == DriftKind::kDnsUnresolved) return state + ": " + drift.detail;
      return state + " " + Addresses(drift);
    case DriftSubject::kFamily:
    case DriftSubject::kScan:
      return drift.detail;
  }
  return {};
}

DriftPlace PlaceOf(const Drift& drift) {
  DriftPlace place;
  switch (SubjectOf(drift.kind)) {
    case DriftSubject::kPorts:
    case DriftSubject::kNetwork:
      place.address = drift.address.ToString();
      place.family = ToString(drift.address.family());
      place.protocol = ToString(drift.protocol);
      if (drift.port != 0) place.port = std::to_string(drift.port);
      break;
    case DriftSubject::kName:
      place.name = drift.subject;
      break;
    case DriftSubject::kFamily:
      place.family = ToString(drift.address.family());
      break;
    case DriftSubject::kScan:
      place.scan = drift.subject;
      break;
  }
  return place;
}

std::string Summary(const Drift& drift) {
  const std::string where = drift.host + " (" + drift.address.ToString() + ")";
  const std::string ports = PortsText(drift.ports);
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
      return "none of the ports that must be open on " + where + " answers: " + ports +
             (drift.detail.empty() ? "" : "; " + drift.detail);
    case DriftKind::kAllPortsOpen:
      return where + " answers on " +
             Counted(drift.ports.size(), std::string(ToString(drift.protocol)) + " port") +
             " that the policy does not allow, more than can all be services" +
             (drift.detail.empty() ? "" : "; " + drift.detail);
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
    case DriftKind::kDnsOutOfScope:
      return drift.subject + " of " + drift.host + " leads to " + Addresses(drift) +
             (drift.detail.empty() ? ", outside the scope of this viewpoint; not probed"
                                   : "; not probed: " + drift.detail);
    case DriftKind::kDnsChanged:
      return drift.subject + " of " + drift.host + " leads to " + Addresses(drift) +
             ", which it did not in the last 30 days";
    case DriftKind::kDnsUnresolved:
      return drift.subject + " of " + drift.host + " does not resolve: " + drift.detail +
             "; what is behind it is unknown";
    case DriftKind::kViewpointBlind:
      return "this viewpoint is blind over " + drift.subject + ": " + drift.detail +
             "; all other findings of this family are frozen";
    case DriftKind::kCoverageStale:
      return "scan " + drift.subject + " is stale: " + drift.detail;
  }
  return {};
}

}  // namespace postern

// A drift: one disagreement between what was observed and the policy, or the past.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/endpoint.h"
#include "core/port_set.h"
#include "core/port_states.h"

namespace postern {

enum class Severity : std::uint8_t { kInfo, kWarning, kCritical };

// "info", "warning", "critical".
std::string_view ToString(Severity severity);
std::optional<Severity> ParseSeverity(std::string_view text);

enum class DriftKind : std::uint8_t {
  kUnexpectedOpen,
  kMissing,
  kHostUnreachable,
  kAllPortsOpen,
  kWrongState,
  kFamilyDivergence,
  kStateChanged,
  kUnlistedHost,
  kDnsOutOfScope,
  kDnsChanged,
  kDnsUnresolved,
  kViewpointBlind,
  kCoverageStale,
};

inline constexpr std::array kDriftKinds = {
    DriftKind::kUnexpectedOpen, DriftKind::kMissing,       DriftKind::kHostUnreachable,
    DriftKind::kAllPortsOpen,   DriftKind::kWrongState,    DriftKind::kFamilyDivergence,
    DriftKind::kStateChanged,   DriftKind::kUnlistedHost,  DriftKind::kDnsOutOfScope,
    DriftKind::kDnsChanged,     DriftKind::kDnsUnresolved, DriftKind::kViewpointBlind,
    DriftKind::kCoverageStale,
};

// "unexpected_open", "missing", ...
std::string_view ToString(DriftKind kind);
std::optional<DriftKind> ParseDriftKind(std::string_view text);
// An event ends by itself; the other kinds last until evidence ends them.
bool IsEvent(DriftKind kind);

// What the drifts of a kind are of, and so which observations bear on them.
enum class DriftSubject : std::uint8_t {
  kPorts,    // ports of an address of the policy
  kNetwork,  // somebody in a network of the policy
  kName,     // a name of the policy
  kFamily,   // the viewpoint itself, over one family
  kScan,     // a configured scan
};
DriftSubject SubjectOf(DriftKind kind);

// Of a name that answers with more addresses than this, the lowest are kept with the drift.
inline constexpr std::size_t kMostDriftAddresses = 64;

// The policy's acceptance that covers a drift.
struct Acceptance {
  std::chrono::sys_days until;  // ends 24:00 UTC of this day
  std::string reason;
  std::string ticket;

  bool operator==(const Acceptance&) const = default;
};

struct Drift {
  DriftKind kind = DriftKind::kUnexpectedOpen;
  Severity severity = Severity::kWarning;
  std::string host;  // the policy's name; unlisted_host: the subject
  std::string owner;
  std::map<std::string, std::string> labels;  // the host's, from the policy
  // What identity goes by: the address, or the name where the host was found by DNS, or the range
  // where it is a whole network that answers alike (unlisted_host); the name (dns_*), the family
  // (viewpoint_blind), the scan (coverage_stale).
  std::string subject;
  // viewpoint_blind: the unspecified address of the family. dns_* and coverage_stale: of no
  // meaning.
  IpAddress address;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;  // 0: the drift is of the whole address, or of `ports`
  // Every port it stands for; just `port` where that is not 0. unlisted_host: the open ones.
  PortSet ports;
  Verdict observed;  // unlisted_host: open stands for up, and the reason is what it answered
  PortState before = PortState::kUnknown;  // state_changed: what it was
  bool only_family =
      false;  // unexpected_open: open over this family only, and known not to be over the other
  std::string expected;  // what the policy wants, in its own words: "open", "not_open"
  std::string rule;      // where the deciding rule stands: "policy.yaml:12:9", or "otherwise"
  std::optional<Acceptance> acceptance;
  // dns_out_of_scope and dns_changed: the addresses that make it one, ascending, at most
  // kMostDriftAddresses.
  std::vector<IpAddress> addresses;
  // In words: what was observed (viewpoint_blind, coverage_stale, host_unreachable), why the name
  // does not resolve (dns_unresolved), why no scope makes the addresses targets (dns_out_of_scope),
  // which sensitive ports are among `ports` (all_ports_open).
  std::string detail;

  bool operator==(const Drift&) const = default;
};

// The state that was observed: "closed", of an unlisted host "up", of a name "answered", of the
// viewpoint "blind", of a scan "stale".
std::string_view ObservedState(const Drift& drift);
// With the reason: "closed (rst)", "up (arp)", "answered 192.0.2.1, 192.0.2.2".
std::string ObservedText(const Drift& drift);

// Where a drift is, as labels and columns show it; empty where its kind has no such thing.
struct DriftPlace {
  std::string address;
  std::string family;
  std::string protocol;
  std::string port;  // empty where it is of several, too
  std::string name;  // dns_*
  std::string scan;  // coverage_stale
};
DriftPlace PlaceOf(const Drift& drift);

// One sentence for people: "tcp/6379 is open on cache-1 (2001:db8::1); the policy says not_open".
std::string Summary(const Drift& drift);

}  // namespace postern

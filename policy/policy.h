// The policy: what exposure is expected of which host, seen from where. A value, immutable once
// loaded, shared by threads as shared_ptr<const Policy> and pinned for a run. semantics of every
// field: docs/policy.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/change_window.h"
#include "core/drift.h"
#include "core/ip_address.h"
#include "core/port_set.h"
#include "core/prefix.h"
#include "core/time.h"
#include "policy/quiet_hours.h"

namespace postern::policy {

// A place in a policy or configuration file; line and column count from 1.
struct SourceLocation {
  std::string file;
  int line = 0;
  int column = 0;
};

// "file:line:column"
std::string ToString(const SourceLocation& location);

enum class ExpectedState : std::uint8_t {
  kOpen,      // must be open
  kAllowed,   // any state is right, changes are reported
  kAny,       // never a drift
  kClosed,    // must be closed
  kFiltered,  // must be filtered
  kNotOpen,   // closed or filtered
};

// "open", "allowed", "any", "closed", "filtered", "not_open".
std::string_view ToString(ExpectedState state);
std::optional<ExpectedState> ParseExpectedState(std::string_view text);

enum class Criticality : std::uint8_t { kLow, kNormal, kHigh };

// "low", "normal", "high".
std::string_view ToString(Criticality criticality);
std::optional<Criticality> ParseCriticality(std::string_view text);

// From where and over which family a rule applies. The defaults are everywhere and both.
struct Reach {
  std::vector<std::string> from;  // viewpoints, ascending; empty: all
  bool ipv4 = true;
  bool ipv6 = true;

  bool Covers(std::string_view viewpoint, Family family) const;
  bool operator==(const Reach&) const = default;
};

struct TlsExpectation {
  std::optional<std::string> min_version;  // "1.0" to "1.3"
  std::optional<int> min_days_left;

  bool operator==(const TlsExpectation&) const = default;
};

struct Expectation {
  PortSet ports;
  ExpectedState state = ExpectedState::kOpen;
  Reach reach;
  std::optional<std::string> service;
  std::optional<TlsExpectation> tls;
  std::optional<Severity> severity;  // overrides the kind's default
  std::string note;
  SourceLocation where;
};

// Drift that the policy accepts until a date.
struct AcceptRule {
  PortSet ports;
  Reach reach;
  Acceptance acceptance;
  SourceLocation where;
};

struct Host {
  std::string name;
  std::vector<IpAddress> addresses;
  std::vector<std::string> dns;  // canonical (core/dns_name.h)
  std::string owner;             // empty: nobody is named
  Criticality criticality = Criticality::kNormal;
  std::map<std::string, std::string> labels;
  std::vector<std::string> roles;  // each is a key of Policy::roles
  std::vector<Expectation> expect;
  ExpectedState otherwise = ExpectedState::kNotOpen;  // not kOpen, not kAllowed
  std::vector<AcceptRule> accept;
  SourceLocation where;
};

struct Network {
  Prefix cidr;
  std::string owner;
  bool report_unlisted = true;
  // IPv6, a link of the viewpoint: its hosts are found by multicast and the neighbour table, so
  // that it may be as large as a /64.
  bool on_link = false;
  SourceLocation where;
  // The viewpoints that look for unlisted hosts in it, ascending; empty: all.
  std::vector<std::string> from = {};

  bool IsWatchedFrom(std::string_view viewpoint) const;
};

// Addresses in `include` that are not in `exclude`.
struct AddressScope {
  std::vector<Prefix> include;
  std::vector<Prefix> exclude;

  bool Contains(const IpAddress& address) const;
};

// IPv4, IPv6 or both.
struct FamilySet {
  bool ipv4 = true;
  bool ipv6 = true;

  bool Has(Family family) const { return family == Family::kIpv4 ? ipv4 : ipv6; }
};

struct Viewpoint {
  std::string description;
  AddressScope scope;  // narrows Policy::scope; an empty include is all of it
  // Nothing is asked over a family that is not in it, and nothing is said of that family.
  FamilySet families = {};
};

// A window of change that the policy plans: notifications about what it selects wait until it ends.
struct ChangeWindow {
  std::string name;
  WindowSelector selector;
  std::vector<QuietHours> weekly;  // together they leave some time of the week free
  std::vector<Period> dated;       // each at most kMaxChangeWindow long
  std::string reason;
  SourceLocation where;

  // The first time from `time` on that it does not cover; none where it does not cover `time`.
  std::optional<TimePoint> EndFrom(TimePoint time) const;
};

struct Policy {
  std::string authorized_by;
  AddressScope scope;
  bool require_owner = false;
  std::map<std::string, Viewpoint> viewpoints;
  std::map<std::string, std::vector<Expectation>> roles;
  std::vector<Network> networks;
  std::vector<Host> hosts;
  std::vector<ChangeWindow> windows;
  std::string hash;  // SHA-256 in hexadecimal of the files' contents in name order
  // Index of `hosts` by static address; filled by the loader.
  std::map<IpAddress, std::size_t> host_by_address;

  // Null if there is none.
  const Host* FindHost(std::string_view name) const;
  // The host that has this DNS name, in whatever spelling; null if none has.
  const Host* FindHostByDns(std::string_view name) const;
  const Host* HostOf(const IpAddress& address) const;
  // Whether `viewpoint` has addresses of `family`. One that the policy does not name has both.
  bool HasFamily(std::string_view viewpoint, Family family) const;
  // Whether this policy authorises probing `address` from `viewpoint`: it is in the scope, and of a
  // family that the viewpoint has. A viewpoint that the policy does not name sees the whole scope.
  bool MayProbe(const IpAddress& address, std::string_view viewpoint) const;
};

}  // namespace postern::policy

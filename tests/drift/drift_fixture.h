// Policies and observations in few words, for the drift tests.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/drift.h"
#include "drift/judged_address.h"
#include "policy/policy.h"

namespace postern::drift {

inline const TimePoint kNow{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};

inline IpAddress Address(std::string_view text) { return *IpAddress::Parse(text); }

inline PortSet Ports(std::string_view spec) {
  return *PortSet::Parse(spec, PortSet::BarePorts::kAreTcp);
}

inline Verdict Seen(PortState state) {
  switch (state) {
    case PortState::kOpen:
      return {state, {Reason::Kind::kSynAck, 0, 0}};
    case PortState::kClosed:
      return {state, {Reason::Kind::kReset, 0, 0}};
    case PortState::kFiltered:
    case PortState::kOpenFiltered:
      return {state, {Reason::Kind::kNoResponse, 0, 0}};
    case PortState::kUnknown:
      break;
  }
  return {};
}

// What was seen of an address: ports in ascending order, each with its state.
using Sight = std::vector<std::pair<PortRange, PortState>>;

inline AddressStates States(std::string_view address, const Sight& tcp) {
  AddressStates states{Address(address), {}};
  for (const auto& [ports, state] : tcp) states.of(Protocol::kTcp).Append(ports, Seen(state));
  return states;
}

inline PortRange Port(std::uint16_t port) { return {port, port}; }

// A judged address that was never seen before this run.
inline JudgedAddress FirstSight(const policy::Host& host, std::string_view address,
                                const Sight& tcp) {
  const auto seen = States(address, tcp);
  return Judge(host, std::string(address), AddressStates{Address(address), {}}, &seen);
}

inline policy::Expectation Rule(std::string_view ports, policy::ExpectedState state) {
  policy::Expectation rule;
  rule.ports = Ports(ports);
  rule.state = state;
  rule.where = {"policy.yaml", 7, 9};
  return rule;
}

// One host, web-1 of owner web, at 192.0.2.1 and 2001:db8::1.
inline policy::Policy OneHost(std::vector<policy::Expectation> expect,
                              policy::ExpectedState otherwise) {
  policy::Policy policy;
  policy.hash = "hash-1";
  policy::Host host;
  host.name = "web-1";
  host.owner = "web";
  host.addresses = {Address("192.0.2.1"), Address("2001:db8::1")};
  host.expect = std::move(expect);
  host.otherwise = otherwise;
  policy.hosts.push_back(std::move(host));
  return policy;
}

// "kind severity subject tcp/ports" of each, for whole-list comparisons.
inline std::vector<std::string> Brief(const std::vector<Drift>& drifts) {
  std::vector<std::string> lines;
  lines.reserve(drifts.size());
  for (const auto& drift : drifts) {
    lines.push_back(std::string(ToString(drift.kind)) + " " +
                    std::string(ToString(drift.severity)) + " " + drift.subject + " " +
                    drift.ports.ToString());
  }
  return lines;
}

}  // namespace postern::drift

#include "drift/policy_drift.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "drift/all_ports.h"
#include "drift/drift_of.h"
#include "drift/presence.h"
#include "drift/severity.h"
#include "policy/rules.h"

namespace postern::drift {
namespace {

using policy::Decision;
using policy::ExpectedState;
using policy::RuleTable;

// A host with as many open ports that no rule allows answers for services that are not there,
// whatever it says on random ports. Large hosts have some dozens.
constexpr std::size_t kMoreThanServices = 256;

// Calls f(ports, verdict, decision) for every stretch of ports that share both, ascending.
template <typename F>
void ForEachStretch(const PortStates& states, const std::vector<RuleTable::Range>& rules, F f) {
  auto rule = rules.begin();
  for (const auto& range : states.ranges()) {
    while (rule->ports.last < range.ports.first) ++rule;
    for (auto r = rule; r != rules.end() && r->ports.first <= range.ports.last; ++r) {
      f(PortRange{std::max(range.ports.first, r->ports.first),
                  std::min(range.ports.last, r->ports.last)},
        range.verdict, r->decision);
    }
  }
}

// The same where the policy expects `wanted`, without a look at the other states.
template <typename Wanted, typename F>
void ForEachStretchWhere(const PortStates& states, const std::vector<RuleTable::Range>& rules,
                         Wanted wanted, F f) {
  for (const auto& rule : rules) {
    if (!wanted(rule.decision.expected)) continue;
    auto range = std::ranges::lower_bound(states.ranges(), rule.ports.first, {},
                                          [](const auto& held) { return held.ports.last; });
    for (; range != states.ranges().end() && range->ports.first <= rule.ports.last; ++range) {
      f(PortRange{std::max(range->ports.first, rule.ports.first),
                  std::min(range->ports.last, rule.ports.last)},
        range->verdict, rule.decision);
    }
  }
}

bool IsNotOpen(PortState state) {
  return state == PortState::kClosed || state == PortState::kFiltered;
}

bool ForbidsOpen(ExpectedState expected) {
  return expected == ExpectedState::kNotOpen || expected == ExpectedState::kClosed ||
         expected == ExpectedState::kFiltered;
}

bool IsWrongState(ExpectedState expected, PortState observed) {
  return (expected == ExpectedState::kFiltered && observed == PortState::kClosed) ||
         (expected == ExpectedState::kClosed && observed == PortState::kFiltered);
}

std::string_view Describe(Absence::Kind kind) {
  switch (kind) {
    case Absence::Kind::kSilent:
      return "it gives no sign of life: it is off, behind a firewall, or refuses this scanner";
    case Absence::Kind::kChanged:
      return "all that answered there changed at once: it was switched off or moved behind a "
             "firewall, or refuses this scanner";
  }
  return {};
}

// An acceptance ends 24:00 UTC of its day.
std::optional<Acceptance> AcceptanceAt(const Decision& decision, TimePoint time) {
  if (decision.accept == nullptr) return std::nullopt;
  const auto& acceptance = decision.accept->acceptance;
  if (time >= TimePoint(acceptance.until + std::chrono::days(1))) return std::nullopt;
  return acceptance;
}

// What accepts two drifts together: the acceptance that ends first, if both have one.
std::optional<Acceptance> BothAccepted(const std::optional<Acceptance>& a,
                                       const std::optional<Acceptance>& b) {
  if (!a || !b) return std::nullopt;
  return b->until < a->until ? b : a;
}

// "sensitive ports among them: tcp/22,6379"; nothing where there are none.
std::string SensitiveText(const PortSet& ports) {
  constexpr std::size_t kShownRanges = 16;
  if (ports.empty()) return {};
  const auto shown = ports.FirstRanges(kShownRanges);
  const auto others = ports.size() - shown.size();
  return "sensitive ports among them: " + shown.ToString() +
         (others == 0 ? "" : " and " + std::to_string(others) + " more");
}

// The drifts of one host: all its addresses, because both families are looked at together.
class HostDrift {
 public:
  HostDrift(const policy::Policy& policy, std::string_view viewpoint,
            std::span<const JudgedAddress> addresses, TimePoint time, std::string_view ports_secret)
      : addresses_(addresses),
        time_(time),
        ports_secret_(ports_secret),
        rules_{RuleTable(policy, *addresses.front().host, viewpoint, Family::kIpv4),
               RuleTable(policy, *addresses.front().host, viewpoint, Family::kIpv6)} {}

  std::vector<Drift> Compute() {
    for (const auto& at : addresses_) {
      if (!IsGone(at)) AddUnexpectedOpen(at);
      AddMissing(at);
      if (!IsGone(at)) AddWrongState(at);
    }
    AddFamilyDivergence();
    return std::move(drifts_);
  }

 private:
  const RuleTable& RulesOf(const JudgedAddress& at) const {
    return rules_[static_cast<std::size_t>(at.address().family())];
  }

  // Nothing is claimed to answer at an address that is gone, whatever it refuses this scanner with.
  static bool IsGone(const JudgedAddress& at) { return at.absence && at.absence->gone; }

  template <typename F>
  void ForEachStretchOf(const JudgedAddress& at, F f) const {
    for (const auto protocol : kProtocols) {
      ForEachStretch(at.now.of(protocol), RulesOf(at).ranges(protocol),
                     [&](PortRange ports, const Verdict& verdict, const Decision& decision) {
                       f(protocol, ports, verdict, decision);
                     });
    }
  }

  template <typename Wanted, typename F>
  void ForEachStretchWhere(const JudgedAddress& at, Wanted wanted, F f) const {
    for (const auto protocol : kProtocols) {
      drift::ForEachStretchWhere(
          at.now.of(protocol), RulesOf(at).ranges(protocol), wanted,
          [&](PortRange ports, const Verdict& verdict, const Decision& decision) {
            f(protocol, ports, verdict, decision);
          });
    }
  }

  // Whether the other family of this host is known, at every address, not to be open here.
  bool OtherFamilyNotOpen(const JudgedAddress& at, Protocol protocol, std::uint16_t port) const {
    bool any = false;
    for (const auto& other : addresses_) {
      if (other.address().family() == at.address().family()) continue;
      const auto verdict = other.now.of(protocol).At(port);
      if (!verdict || !IsNotOpen(verdict->state)) return false;
      if (NeverAnswered(other) && IsSilence(verdict->reason)) return false;
      any = true;
    }
    return any;
  }

  void AddUnexpectedOpen(const JudgedAddress& at) {
    std::array<std::optional<Drift>, 2> all;
    ForEachStretchOf(at, [&](Protocol protocol, PortRange ports, const Verdict& verdict,
                             const Decision& decision) {
      if (verdict.state != PortState::kOpen || !ForbidsOpen(decision.expected)) return;
      auto& one = all[static_cast<std::size_t>(protocol)];
      if (!one) {
        one = DriftOf(DriftKind::kAllPortsOpen, at, protocol, ports, verdict, decision);
      }
      one->port = 0;
      one->ports.Add(protocol, ports);
    });
    for (auto& one : all) {
      if (!one) continue;
      const bool everywhere =
          one->protocol == Protocol::kTcp && IsOpenEverywhere(at.now, ports_secret_);
      if (one->ports.size() >= kMoreThanServices || everywhere) {
        one->severity = SeverestOf(at, one->protocol);
        one->detail = SensitiveText(SensitivePorts(one->ports));
        drifts_.push_back(std::move(*one));
      } else {
        AddEachUnexpectedOpen(at, one->protocol);
      }
    }
  }

  // Calls f(port, verdict, decision) for every port of the protocol that is open and must not be.
  template <typename F>
  void ForEachForbidden(const JudgedAddress& at, Protocol of, F f) const {
    ForEachStretchOf(at, [&](Protocol protocol, PortRange ports, const Verdict& verdict,
                             const Decision& decision) {
      if (protocol != of) return;
      if (verdict.state != PortState::kOpen || !ForbidsOpen(decision.expected)) return;
      for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
        f(static_cast<std::uint16_t>(port), verdict, decision);
      }
    });
  }

  Severity SeverityOf(const JudgedAddress& at, ProtocolPort port, const Decision& decision,
                      bool only_family) const {
    if (decision.rule && decision.rule->severity) return *decision.rule->severity;
    const bool only_ipv6 = only_family && at.address().family() == Family::kIpv6;
    return UnexpectedOpenSeverity(*at.host, port, only_ipv6);
  }

  // The highest severity that an unexpected_open of the address would have.
  Severity SeverestOf(const JudgedAddress& at, Protocol protocol) const {
    auto severest = Severity::kInfo;
    ForEachForbidden(
        at, protocol,
        [&](std::uint16_t port, const Verdict& /*verdict*/, const Decision& decision) {
          if (severest == Severity::kCritical) return;
          const bool only_family = OtherFamilyNotOpen(at, protocol, port);
          severest = std::max(severest, SeverityOf(at, {protocol, port}, decision, only_family));
        });
    return severest;
  }

  void AddEachUnexpectedOpen(const JudgedAddress& at, Protocol protocol) {
    ForEachForbidden(
        at, protocol, [&](std::uint16_t port, const Verdict& verdict, const Decision& decision) {
          auto drift =
              DriftOf(DriftKind::kUnexpectedOpen, at, protocol, {port, port}, verdict, decision);
          drift.only_family = OtherFamilyNotOpen(at, protocol, port);
          drift.severity = SeverityOf(at, {protocol, port}, decision, drift.only_family);
          drift.acceptance = AcceptanceAt(decision, time_);
          drifts_.push_back(std::move(drift));
        });
  }

  // An absent address of which no port ever answered: its silence proves nothing.
  static bool NeverAnswered(const JudgedAddress& at) { return at.absence && !HasOwnAnswer(at.now); }

  // The ports that must be open of an absent address make one finding, if the path to it is proven.
  void AddUnreachable(const JudgedAddress& at) {
    std::optional<Drift> unreachable;
    for (const auto protocol : kProtocols) {
      for (const auto& [ports, decision] : RulesOf(at).ranges(protocol)) {
        if (decision.expected != ExpectedState::kOpen) continue;
        const auto one =
            DriftOf(DriftKind::kHostUnreachable, at, protocol, ports,
                    {PortState::kFiltered, {Reason::Kind::kNoResponse, 0, 0}}, decision);
        const auto accepted = AcceptanceAt(decision, time_);
        const bool is_first = !unreachable;
        if (is_first) unreachable = one;
        unreachable->acceptance =
            is_first ? accepted : BothAccepted(unreachable->acceptance, accepted);
        unreachable->severity = std::max(unreachable->severity, one.severity);
        unreachable->port = 0;
        unreachable->ports.Add(protocol, ports);
      }
    }
    if (!unreachable) return;
    unreachable->detail = Describe(at.absence->kind);
    drifts_.push_back(*std::move(unreachable));
  }

  void AddMissing(const JudgedAddress& at) {
    if (at.absence && at.absence->vouched) return AddUnreachable(at);
    if (NeverAnswered(at)) return;
    const auto must_be_open = [](ExpectedState expected) {
      return expected == ExpectedState::kOpen;
    };
    ForEachStretchWhere(
        at, must_be_open,
        [&](Protocol protocol, PortRange ports, const Verdict& verdict, const Decision& decision) {
          if (!IsNotOpen(verdict.state)) return;
          for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
            const auto number = static_cast<std::uint16_t>(port);
            drifts_.push_back(
                DriftOf(DriftKind::kMissing, at, protocol, {number, number}, verdict, decision));
            drifts_.back().acceptance = AcceptanceAt(decision, time_);
          }
        });
  }

  void AddWrongState(const JudgedAddress& at) {
    std::array<std::optional<Drift>, 2> by_otherwise;
    const auto names_one_state = [](ExpectedState expected) {
      return expected == ExpectedState::kFiltered || expected == ExpectedState::kClosed;
    };
    ForEachStretchWhere(
        at, names_one_state,
        [&](Protocol protocol, PortRange ports, const Verdict& verdict, const Decision& decision) {
          if (!IsWrongState(decision.expected, verdict.state)) return;
          if (NeverAnswered(at)) return;
          // What the policy accepts is no part of the one finding of `otherwise`.
          if (decision.rule == nullptr && decision.accept == nullptr) {
            auto& one = by_otherwise[static_cast<std::size_t>(protocol)];
            if (!one) one = WrongState(at, protocol, ports, verdict, decision);
            one->port = 0;
            one->ports.Add(protocol, ports);
            return;
          }
          for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
            const auto number = static_cast<std::uint16_t>(port);
            drifts_.push_back(WrongState(at, protocol, {number, number}, verdict, decision));
          }
        });
    for (auto& one : by_otherwise) {
      if (one) drifts_.push_back(std::move(*one));
    }
  }

  Drift WrongState(const JudgedAddress& at, Protocol protocol, PortRange ports,
                   const Verdict& verdict, const Decision& decision) const {
    auto drift = DriftOf(DriftKind::kWrongState, at, protocol, ports, verdict, decision);
    if (!decision.rule || !decision.rule->severity) drift.severity = Severity::kInfo;
    drift.acceptance = AcceptanceAt(decision, time_);
    return drift;
  }

  // Only `allowed` can diverge: by every other rule one of the two sides is a drift of its own, or
  // none ever is.
  void AddFamilyDivergence() {
    const auto allows = [](ExpectedState expected) { return expected == ExpectedState::kAllowed; };
    std::vector<ProtocolPort> reported;
    for (const auto& at : addresses_) {
      if (IsGone(at)) continue;
      ForEachStretchWhere(
          at, allows,
          [&](Protocol protocol, PortRange ports, const Verdict& verdict,
              const Decision& decision) {
            if (verdict.state != PortState::kOpen) return;
            for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
              const auto number = static_cast<std::uint16_t>(port);
              const ProtocolPort key{protocol, number};
              if (rules_[0].At(key) != rules_[1].At(key)) continue;
              if (!OtherFamilyNotOpen(at, protocol, number)) continue;
              if (std::find(reported.begin(), reported.end(), key) != reported.end()) continue;
              reported.push_back(key);
              drifts_.push_back(DriftOf(DriftKind::kFamilyDivergence, at, protocol,
                                        {number, number}, verdict, decision));
            }
          });
    }
  }

  const std::span<const JudgedAddress> addresses_;
  const TimePoint time_;
  const std::string_view ports_secret_;
  const std::array<RuleTable, 2> rules_;  // by family
  std::vector<Drift> drifts_;
};

}  // namespace

std::vector<Drift> PolicyDrift(const policy::Policy& policy, std::string_view viewpoint,
                               std::span<const JudgedAddress> addresses, TimePoint time,
                               std::string_view ports_secret) {
  std::vector<Drift> drifts;
  for (std::size_t begin = 0; begin < addresses.size();) {
    std::size_t end = begin + 1;
    while (end < addresses.size() && addresses[end].host == addresses[begin].host) ++end;
    auto of_host =
        HostDrift(policy, viewpoint, addresses.subspan(begin, end - begin), time, ports_secret)
            .Compute();
    std::move(of_host.begin(), of_host.end(), std::back_inserter(drifts));
    begin = end;
  }
  return drifts;
}

}  // namespace postern::drift

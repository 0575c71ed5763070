#include "drift/presence.h"

#include <algorithm>

namespace postern::drift {
namespace {

// Fewer endpoints than these that change alike are services, not the address.
constexpr std::size_t kMinUniform = 2;
// RFC 792 and RFC 4443, section 3.1: port unreachable.
constexpr std::uint8_t kIcmpUnreachable = 3;
constexpr std::uint8_t kIcmpPort = 3;
constexpr std::uint8_t kIcmp6Unreachable = 1;
constexpr std::uint8_t kIcmp6Port = 4;

template <typename Predicate>
bool AnyRange(const AddressStates& states, Predicate predicate) {
  return std::ranges::any_of(kProtocols, [&](Protocol protocol) {
    return std::ranges::any_of(states.of(protocol).ranges(), [&](const PortStates::Range& range) {
      return predicate(range.verdict);
    });
  });
}

// Calls f(count, before, now) for every stretch of ports with a verdict on both sides.
template <typename F>
void ForEachKnownOnBothSides(const AddressStates& before, const AddressStates& now, F f) {
  for (const auto protocol : kProtocols) {
    const auto& old = before.of(protocol).ranges();
    auto first = old.begin();
    for (const auto& range : now.of(protocol).ranges()) {
      if (range.verdict.state == PortState::kUnknown) continue;
      while (first != old.end() && first->ports.last < range.ports.first) ++first;
      for (auto at = first; at != old.end() && at->ports.first <= range.ports.last; ++at) {
        if (at->verdict.state == PortState::kUnknown) continue;
        const PortRange both{std::max(at->ports.first, range.ports.first),
                             std::min(at->ports.last, range.ports.last)};
        f(std::size_t{both.size()}, at->verdict, range.verdict);
      }
    }
  }
}

// What became of the endpoints of an address that are known from before and were asked now.
struct Comparison {
  std::size_t open_before = 0;
  std::size_t changed = 0;  // to another state
  bool alike = true;        // all have the same reason now
};

Comparison Compare(const AddressStates& before, const AddressStates& seen) {
  Comparison result;
  std::optional<Reason> common;
  ForEachKnownOnBothSides(before, seen,
                          [&](std::size_t count, const Verdict& was, const Verdict& is) {
                            if (was.state == PortState::kOpen) result.open_before += count;
                            if (was.state != is.state) result.changed += count;
                            result.alike = result.alike && common.value_or(is.reason) == is.reason;
                            common = is.reason;
                          });
  return result;
}

bool IsUniformChange(const AddressStates& before, const AddressStates& seen) {
  const auto found = Compare(before, seen);
  return found.open_before >= kMinUniform || (found.alike && found.changed >= kMinUniform);
}

}  // namespace

bool IsOwnAnswer(const Verdict& verdict) {
  const auto& [kind, type, code] = verdict.reason;
  switch (kind) {
    case Reason::Kind::kSynAck:
    case Reason::Kind::kReset:
    case Reason::Kind::kUdpResponse:
      return true;
    case Reason::Kind::kIcmp:
      return type == kIcmpUnreachable && code == kIcmpPort;
    case Reason::Kind::kIcmp6:
      return type == kIcmp6Unreachable && code == kIcmp6Port;
    default:
      return false;
  }
}

bool HasVerdict(const AddressStates& states) {
  return AnyRange(states,
                  [](const Verdict& verdict) { return verdict.state != PortState::kUnknown; });
}

const AddressStates* FindStates(std::span<const AddressStates> ascending,
                                const IpAddress& address) {
  const auto at = std::ranges::lower_bound(ascending, address, {}, &AddressStates::address);
  return at != ascending.end() && at->address == address ? &*at : nullptr;
}

bool HasOwnAnswer(const AddressStates& states) { return AnyRange(states, IsOwnAnswer); }

bool HasOpenPort(const AddressStates& states) {
  return AnyRange(states, [](const Verdict& verdict) { return verdict.state == PortState::kOpen; });
}

std::optional<Absence::Kind> AbsenceIn(const AddressStates& before, const AddressStates& seen,
                                       bool sign) {
  if (HasOpenPort(seen)) return std::nullopt;
  if (!sign && !HasOwnAnswer(seen)) return Absence::Kind::kSilent;
  if (IsUniformChange(before, seen)) return Absence::Kind::kChanged;
  return std::nullopt;
}

bool LostEveryOpenPortAsked(const AddressStates& before, const AddressStates& seen) {
  return !HasOpenPort(seen) && Compare(before, seen).open_before > 0;
}

bool HasChanged(const AddressStates& before, const AddressStates& seen) {
  return Compare(before, seen).changed > 0;
}

bool TurnedAway(const AddressStates& seen, const AddressStates& again) {
  bool open = false;  // whether an open endpoint was asked again
  bool any = false;
  bool repeated = false;
  ForEachKnownOnBothSides(seen, again, [&](std::size_t, const Verdict& was, const Verdict& is) {
    if (!IsOwnAnswer(was)) return;
    const bool was_open = was.state == PortState::kOpen;
    if (open && !was_open) return;
    const bool same = was.state == is.state;
    repeated = was_open && !open ? same : repeated || same;
    open = was_open;
    any = true;
  });
  return any && !repeated;
}

Absence Continued(const std::optional<Absence>& before, const AbsenceSight& sight) {
  Absence absence =
      before.value_or(Absence{.kind = sight.kind, .since = sight.at, .last = sight.at});
  absence.kind = sight.kind;
  if (sight.vouched) {
    absence.vouched = true;
    absence.watched +=
        std::clamp<Duration>(std::chrono::duration_cast<Duration>(sight.at - absence.last),
                             Duration(0), sight.longest_gap);
  }
  absence.last = sight.at;
  absence.since = std::min(absence.since, sight.at);  // the clock may have been set back
  absence.gone = absence.gone || absence.watched >= sight.gone_after;
  return absence;
}

void ProvenHops::Add(const IpAddress& address) {
  const auto at = hops_->find(address);
  if (at == hops_->end() || at->second.local) return;
  gateways_.emplace(at->second.interface, at->second.gateway);
  interfaces_.insert(at->second.interface);
}

bool ProvenHops::Vouch(const IpAddress& address) const {
  const auto at = hops_->find(address);
  if (at == hops_->end() || at->second.local) return false;
  const auto& [interface, gateway, local] = at->second;
  return gateway ? gateways_.contains({interface, gateway}) : interfaces_.contains(interface);
}

bool ProvenHops::IsLocal(const IpAddress& address) const {
  const auto at = hops_->find(address);
  return at != hops_->end() && at->second.local;
}

}  // namespace postern::drift

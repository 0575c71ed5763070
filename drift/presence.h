// What a run proves of an address as a whole: whether it was there to answer, so that the silence
// of its ports means something. Pure functions; docs/findings.md explains the rules to users.
#pragma once

#include <optional>
#include <set>
#include <span>

#include "core/absence.h"
#include "core/first_hop.h"
#include "core/snapshot.h"

namespace postern::drift {

// Returns whether the address itself gave this verdict: SYN-ACK, RST, a UDP reply, or a port
// unreachable (RFC 792, RFC 4443), which no router sends for another host. Other ICMP errors may be
// a router's.
bool IsOwnAnswer(const Verdict& verdict);
// Returns whether any port has a verdict that is not unknown.
bool HasVerdict(const AddressStates& states);
// Returns the states of one address in an ascending list; null if it is not there.
const AddressStates* FindStates(std::span<const AddressStates> ascending, const IpAddress& address);
// Returns whether any port of the address gave an answer of its own.
bool HasOwnAnswer(const AddressStates& states);
bool HasOpenPort(const AddressStates& states);

// Returns how an address is absent by what one run met, or none if it is present. `before` are the
// newest verdicts that prove something, `seen` those of the run, the answers to its requests for a
// sign of life included; `sign` says that the address answered apart from its ports (ICMP, ARP,
// neighbour discovery). REQUIRES: `seen` holds a verdict that is not unknown.
std::optional<Absence::Kind> AbsenceIn(const AddressStates& before, const AddressStates& seen,
                                       bool sign);

// Returns whether the run lost an open endpoint of the address and found none open: then nothing
// tells the end of a service from a change of the whole address, and the run asks for a sign of it.
bool LostEveryOpenPortAsked(const AddressStates& before, const AddressStates& seen);

// Returns whether any endpoint has another state than before.
bool HasChanged(const AddressStates& before, const AddressStates& seen);

// Returns whether the address refuses by now what it answered earlier in the run: of the endpoints
// asked `again` that had answered themselves, open ones if there are any, none repeats its answer.
// Then nobody knows which of the run's other verdicts are older than that.
bool TurnedAway(const AddressStates& seen, const AddressStates& again);

// One trusted run's view of an absent address.
struct AbsenceSight {
  Absence::Kind kind = Absence::Kind::kSilent;
  TimePoint at;            // start of the run
  bool vouched = false;    // the run has proof of the path
  Duration longest_gap{};  // so much of the time since the run before counts as watched
  Duration gone_after{};
};

// Returns the absence after one more run, `before` being what the runs before it made of it.
Absence Continued(const std::optional<Absence>& before, const AbsenceSight& sight);

// The first hops that a run has proof of: somebody beyond them, or on their link, answered. Refers
// to the hops that it is made with.
class ProvenHops {
 public:
  explicit ProvenHops(const FirstHops& hops) : hops_(&hops) {}

  // `address` answered for itself. This machine's own addresses prove nothing.
  void Add(const IpAddress& address);
  // Returns whether the answer of another address proves the path to this one: the same interface
  // and gateway for what lies behind a gateway, the same interface for what is on its link.
  bool Vouch(const IpAddress& address) const;
  bool IsLocal(const IpAddress& address) const;

 private:
  const FirstHops* hops_;
  std::set<std::pair<int, std::optional<IpAddress>>> gateways_;
  std::set<int> interfaces_;
};

}  // namespace postern::drift

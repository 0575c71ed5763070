// The part of a run that asks addresses for a sign of life, so that nothing is concluded from the
// silence of a dead path or of a host that refuses this scanner.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <stop_token>
#include <vector>

#include "core/absence.h"
#include "core/first_hop.h"
#include "core/snapshot.h"
#include "scanner/rate_limiter.h"

namespace postern::daemon {

// An address is asked at so many endpoints, each by one packet, and then by one ICMP echo request:
// trust in silence costs at most four packets for each address.
inline constexpr std::size_t kMaxSignEndpoints = 3;

struct SignsOfLife {
  std::vector<AddressStates> answers;  // of the endpoints asked, silence included; ascending
  std::set<IpAddress> alive;           // answered apart from their ports
  FirstHops hops;
  Coverage coverage;  // what was sent for it; `asked` counts the endpoints that answered
};

// Returns the endpoints that are asked for a sign of life: of each address that the run met without
// an answer of its own, that lost all open ports it was asked, or that was absent before and has no
// open port now, up to kMaxSignEndpoints that answered last and that the run has not asked, open
// ones first. Where an endpoint has changed, the rest are endpoints that answered the run: they
// tell whether the address turned it away meanwhile. Addresses without any verdict are left out.
// `known` ascend.
std::map<IpAddress, PortSet> EndpointsForSigns(const Snapshot& snapshot,
                                               std::span<const AddressStates> known,
                                               const Absences& absences);

// Returns whether the address is asked by an echo request as well: it could be asked, but gave no
// answer of its own, or has turned the run away since.
bool NeedsEcho(const AddressStates& seen, std::span<const AddressStates> answers);

// Adds what the addresses themselves answered to the snapshot, where the run had not asked; returns
// the number of endpoints.
std::uint64_t AddOwnAnswers(const std::vector<AddressStates>& answers, Snapshot& snapshot);

struct SignRequest {
  std::span<const AddressStates> known;  // the newest verdicts that prove something; ascending
  const Absences& absences;
  std::vector<IpAddress> others;  // addresses that may vouch for a path as well
  std::uint64_t seed = 0;
  std::function<bool(const IpAddress&)> may_probe;
};

// Asks, and adds what answered to the snapshot. Runs on the calling thread; ends within a second of
// `stop`.
SignsOfLife AskForSigns(const SignRequest& request, Snapshot& snapshot,
                        scanner::RateLimiter& limiter, const std::stop_token& stop);

// Returns the signs that a finished scan has in itself, all its addresses taken for neighbours on
// one path: of a scan file nothing else is known.
SignsOfLife SignsWithin(const Snapshot& snapshot);

}  // namespace postern::daemon

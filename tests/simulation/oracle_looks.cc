// What the oracle makes of what a run looked at: who was there, and what is known since.
#include <algorithm>
#include <utility>

#include "simulation/oracle.h"

namespace postern::simulation {
namespace {

// confirm.gone_after of the configuration, and what a run watches of the time before it at most.
constexpr auto kGoneAfter = std::chrono::hours(24);
constexpr auto kLongestGap = std::chrono::minutes(20);

// The states that these answers may be told as: answers of one state are one bit.
Answers StatesOf(Answers answers) {
  return (answers & kFilteredAnswers) != 0 ? static_cast<Answers>(answers | kFilteredAnswers)
                                           : answers;
}

// Whether the answers are certainly of one state.
bool IsOneState(Answers answers) {
  return answers == kOpen || answers == kClosed ||
         (answers != 0 && (answers & ~kFilteredAnswers) == 0);
}

}  // namespace

void Oracle::Look(const Snapshot& asked, const Truths& truths) {
  std::fill(asked_.begin(), asked_.end(), false);
  heard_ = truths.heard;
  real_ = truths.real;
  ForEachPlace([&](const Place& place) {
    const auto index = IndexOf(place);
    if (sight_[static_cast<std::size_t>(place.family)] == Sight::kDoubtful) {
      heard_[index] |= Bit(Answer::kSilent);
    }
    if (!asked.coverage.Trusted(place.family)) return;
    const auto verdict = asked.At({AddressOf(place.host, place.family), Protocol::kTcp,
                                   kPorts[static_cast<std::size_t>(place.port)]});
    asked_[index] = verdict && verdict->state != PortState::kUnknown;
  });
  for (int host = 0; host < kHosts; ++host) {
    for (const auto family : kFamilies) {
      LookAtAddress(host, family,
                    truths.echoes[static_cast<std::size_t>(host)][static_cast<std::size_t>(family)],
                    asked.run.started);
    }
  }
  LookForVouchers(truths, asked.run.started);
  ForEachPlace([&](const Place& place) {
    if (asked_[IndexOf(place)]) Look(place);
  });
}

void Oracle::LookAtAddress(int host, Family family, bool echoes, TimePoint at) {
  auto& address = Of(host, family);
  address.looked = false;
  for (int port = 0; port < kPortCount; ++port) {
    address.looked = address.looked || asked_[IndexOf({host, family, port})];
  }
  if (!address.looked) return;
  const auto before = std::exchange(address.presence, PresenceOf(host, family, echoes));
  address.was_absent = before == Presence::kAbsent;
  if (address.presence == Presence::kPresent) {
    address.watched = {};
    address.may_be_gone = address.gone = false;
    return;
  }
  counts_.absences += address.presence == Presence::kAbsent;
  if (before == Presence::kPresent) address.since = address.last = at;
  address.may_be_gone = at - address.since >= kGoneAfter;
}

// A reading of the semantics of its own. Where another could differ, the address is doubtful.
Presence Oracle::PresenceOf(int host, Family family, bool echoes) const {
  if (host == kScannerHost) return Presence::kPresent;
  bool may_open = false;
  bool may_answer = echoes;
  bool opens = false;
  bool answers = false;
  int lost = 0;  // that were open, and were asked
  int may_be_lost = 0;
  for (int port = 0; port < kPortCount; ++port) {
    const auto index = IndexOf({host, family, port});
    const auto heard = heard_[index];
    may_open = may_open || (heard & kOpen) != 0;
    may_answer = may_answer || (heard & (kOpen | kClosed)) != 0;
    may_be_lost += (seen_[index] & kOpen) != 0;
    if (!asked_[index]) continue;
    opens = opens || heard == kOpen;
    answers = answers || (heard & ~(kOpen | kClosed)) == 0;
    lost += seen_[index] == kOpen && (heard & kOpen) == 0;
  }
  if (opens) return Presence::kPresent;
  if (!may_answer || (!may_open && lost >= 2)) return Presence::kAbsent;
  if (answers && may_be_lost < 2 && !MayHaveChangedAlike(host, family)) return Presence::kPresent;
  return Presence::kDoubtful;
}

// Whether all that was known and asked may have the same reason now, where two or more may have
// another state than before.
bool Oracle::MayHaveChangedAlike(int host, Family family) const {
  Answers common = kAnything;
  int changed = 0;
  for (int port = 0; port < kPortCount; ++port) {
    const auto index = IndexOf({host, family, port});
    if (seen_[index] == 0) continue;
    if (asked_[index]) common &= heard_[index];
    const bool same = IsOneState(seen_[index]) && IsOneState(heard_[index]) &&
                      StatesOf(seen_[index]) == StatesOf(heard_[index]);
    changed += !same;
  }
  return common != 0 && changed >= 2;
}

// Another address behind the same gateway proves the path; what changed as a whole answers itself.
void Oracle::LookForVouchers(const Truths& truths, TimePoint now) {
  for (const auto family : kFamilies) {
    const auto of = static_cast<std::size_t>(family);
    std::array<int, kGateways> may{};
    std::array<int, kGateways> must{};
    std::array<std::array<bool, 2>, kHosts> answers{};  // may, must
    for (int host = 1; host < kHosts; ++host) {
      auto& [may_answer, must_answer] = answers[static_cast<std::size_t>(host)];
      may_answer = truths.echoes[static_cast<std::size_t>(host)][of];
      for (int port = 0; port < kPortCount; ++port) {
        const auto index = IndexOf({host, family, port});
        may_answer = may_answer || (heard_[index] & (kOpen | kClosed)) != 0;
        must_answer = must_answer || (asked_[index] && (heard_[index] & ~(kOpen | kClosed)) == 0);
      }
      may_answer = may_answer && Of(host, family).looked;
      may[static_cast<std::size_t>(GatewayOf(host))] += may_answer;
      must[static_cast<std::size_t>(GatewayOf(host))] += must_answer;
    }
    for (int host = 1; host < kHosts; ++host) {
      auto& address = Of(host, family);
      address.may_be_vouched = may[static_cast<std::size_t>(GatewayOf(host))] > 0;
      address.vouched = must[static_cast<std::size_t>(GatewayOf(host))] > 0;
      if (address.looked) Watch(address, now);
    }
  }
}

void Oracle::Watch(Address& address, TimePoint now) {
  if (address.presence == Presence::kPresent) return;
  if (address.presence == Presence::kAbsent && address.was_absent && address.vouched) {
    address.watched +=
        std::min<Duration>(std::chrono::duration_cast<Duration>(now - address.last), kLongestGap);
  }
  address.last = now;
  address.gone = address.gone || address.watched >= kGoneAfter;
}

void Oracle::Look(const Place& place) {
  const auto index = IndexOf(place);
  const auto heard = heard_[index];
  const auto& address = Of(place);
  const bool doubtful = address.presence == Presence::kDoubtful;
  if (address.presence == Presence::kPresent || address.gone || seen_[index] == 0) {
    Learn(place, heard);
  } else if (doubtful || address.may_be_gone) {
    Learn(place, seen_[index] | heard);
  }
}

void Oracle::Learn(const Place& place, Answers seen) {
  const auto index = IndexOf(place);
  auto& openness = openness_[index];
  seen_[index] = seen;
  const bool may = (seen & kOpen) != 0;
  if (may && seen != kOpen) {
    openness.changes += !openness.known || Of(place).presence != Presence::kPresent;
    return;
  }
  openness.changes += openness.known && openness.open != may;
  openness.known = true;
  openness.open = may;
}

}  // namespace postern::simulation

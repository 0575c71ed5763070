#include "simulation/oracle.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace postern::simulation {
namespace {

using enum DriftKind;

enum class Rule : std::uint8_t { kNone, kOpen, kAllowed, kAny, kClosed, kFiltered, kNotOpen };

// Runs after which a drift that is certain must be a finding, and one that is certainly gone must
// not: the two that the semantics ask for, and one in which loss may have hidden it.
constexpr int kOverdue = 3;
// semantics: other kinds need a second run; a disagreement of methods opens after three.
constexpr int kRunsToOpen = 2;
constexpr int kRunsOfDisagreement = 3;
constexpr int kRunsToResolve = 2;

// The index of a port that no rule names.
constexpr int kSomeUnnamed = 1;

Rule RuleOf(Wants wants, int port) {
  if (wants == Wants::kNothing) return Rule::kNone;
  switch (kPorts[static_cast<std::size_t>(port)]) {
    case 22:
      return Rule::kOpen;
    case 443:
      return wants == Wants::kNoWeb ? Rule::kNotOpen : Rule::kOpen;
    case 3306:
      if (wants == Wants::kDatabase) return Rule::kOpen;
      break;
    case 8000:
    case 8001:
    case 8080:
      return Rule::kAllowed;
    case 9090:
      return Rule::kAny;
    case 5000:
      return Rule::kClosed;
    case 5900:
      return Rule::kFiltered;
    default:
      break;
  }
  return wants == Wants::kSilence ? Rule::kFiltered : Rule::kNotOpen;
}

// Whether a rule of its own decides the port.
bool IsNamed(Wants wants, int port) {
  const auto number = kPorts[static_cast<std::size_t>(port)];
  return RuleOf(wants, port) != RuleOf(wants, kSomeUnnamed) || number == 5900 ||
         (number == 443 && wants == Wants::kNoWeb);
}

bool ForbidsOpen(Rule rule) {
  return rule == Rule::kClosed || rule == Rule::kFiltered || rule == Rule::kNotOpen;
}

Family OtherFamily(Family family) {
  return family == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4;
}

bool Stands(FindingState state) {
  return state == FindingState::kOpen || state == FindingState::kAcknowledged ||
         state == FindingState::kAccepted;
}

// Whether the finding says that something answers.
bool ClaimsAnAnswer(DriftKind kind) { return kind != kMissing && kind != kHostUnreachable; }

}  // namespace

Oracle::Oracle(std::vector<Wants> policy)
    : policy_(std::move(policy)),
      seen_(kHosts * 2 * kPortCount),
      heard_(seen_.size()),
      real_(seen_.size()),
      asked_(seen_.size()),
      openness_(seen_.size()) {}

void Oracle::Edited(int host, Wants wants, const std::vector<Finding>& findings) {
  const auto before = WantsOf(host);
  policy_[static_cast<std::size_t>(host)] = wants;
  const auto differs = [&](int port) { return RuleOf(before, port) != RuleOf(wants, port); };
  const auto asks_else = [&](const Key& key) {
    if (key.place.port >= 0) return differs(key.place.port);
    if (key.kind == kWrongState) return differs(kSomeUnnamed);
    return differs(PortIndex(22)) || differs(PortIndex(443)) || differs(PortIndex(3306));
  };
  for (auto& [key, streak] : streaks_) {
    if (key.place.host != host) continue;
    streak.must = streak.must_be_gone = 0;
    // What agreed with the policy before still counts. That an address is absent does not depend on
    // which of its ports must be open.
    if (key.kind != kHostUnreachable && asks_else(key)) streak.may = 0;
  }
  run_ = false;
  std::fill(asked_.begin(), asked_.end(), false);
  for (const auto family : kFamilies) {
    Of(host, family).looked = false;
    if (before != Wants::kNothing && wants != Wants::kNothing) continue;
    // What is kept of a host that is not listed, and how long, is no matter of this oracle.
    for (int port = 0; port < kPortCount; ++port) {
      auto& seen = seen_[IndexOf({host, family, port})];
      if (seen != 0) seen = kAnything;
    }
  }
  Advance();
  Check(findings);
}

void Oracle::Judged(const Snapshot& asked, const Truths& truths, const std::array<Sight, 2>& sight,
                    const std::vector<Finding>& findings) {
  sight_ = sight;
  run_ = true;
  ++judged_;
  for (const auto family : kFamilies) {
    const bool blind = sight[static_cast<std::size_t>(family)] == Sight::kBlind;
    if (blind == asked.coverage.Trusted(family)) {
      Complain({kUnexpectedOpen, {-1, family, -1}},
               blind ? "a blind run was trusted" : "a run that saw was called blind");
    }
  }
  Look(asked, truths);
  Advance();
  Check(findings);
  CheckOverdue();
  CheckGone();
}

Answers Oracle::At(const Place& place) const { return seen_[IndexOf(place)]; }

Oracle::Asked Oracle::AskedOf(const Place& place) const {
  return asked_[IndexOf(place)] ? Asked::kAll : Asked::kNothing;
}

Oracle::Asked Oracle::AskedOf(const std::vector<Place>& places) const {
  const auto asked =
      std::ranges::count_if(places, [&](const Place& place) { return asked_[IndexOf(place)]; });
  if (asked == 0) return Asked::kNothing;
  return asked == std::ssize(places) ? Asked::kAll : Asked::kPart;
}

std::vector<Place> Oracle::MustBeOpen(const Place& whole) const {
  std::vector<Place> places;
  for (int port = 0; port < kPortCount; ++port) {
    if (RuleOf(WantsOf(whole.host), port) == Rule::kOpen) {
      places.push_back({whole.host, whole.family, port});
    }
  }
  return places;
}

std::vector<Place> Oracle::Unnamed(const Place& whole) const {
  std::vector<Place> places;
  for (int port = 0; port < kPortCount; ++port) {
    if (!IsNamed(WantsOf(whole.host), port)) places.push_back({whole.host, whole.family, port});
  }
  return places;
}

void Oracle::Advance() {
  ForEachPlace([&](const Place& place) {
    if (At(place) != 0) AdvancePlace(place);
    if (place.port != 0) return;
    AdvanceUnreachable({place.host, place.family, -1});
    AdvanceUnnamed({place.host, place.family, -1});
  });
}

void Oracle::AdvancePlace(const Place& place) {
  const auto seen = At(place);
  const auto rule = RuleOf(WantsOf(place.host), place.port);
  const auto asked = AskedOf(place);
  const auto judge = [&](DriftKind kind, bool relevant, Answers bad) {
    const bool may = (seen & bad) != 0;
    const bool must = (seen & ~bad) == 0;
    Count({kind, place}, relevant, {may, must, !must}, asked);
  };
  judge(kUnexpectedOpen, ForbidsOpen(rule), kOpen);
  const bool named = rule != Rule::kNone && IsNamed(WantsOf(place.host), place.port);
  const bool names_one = named && (rule == Rule::kClosed || rule == Rule::kFiltered);
  judge(kWrongState, names_one, rule == Rule::kClosed ? kFilteredAnswers : kClosed);

  judge(kMissing, rule == Rule::kOpen, static_cast<Answers>(~kOpen));

  const Place counterpart{place.host, OtherFamily(place.family), place.port};
  const auto other = At(counterpart);
  const bool may_diverge = (seen & kOpen) != 0 && (other & ~kOpen) != 0;
  // The silence of an address that never answered proves nothing.
  // The silence of an address that never answered, or is gone, proves nothing.
  const bool proven = Of(counterpart).presence == Presence::kPresent;
  const bool must_diverge = seen == kOpen && other != 0 && (other & kOpen) == 0 && proven;
  const Key divergence{kFamilyDivergence, place};
  Count(divergence, rule == Rule::kAllowed, {may_diverge, must_diverge, !must_diverge}, asked);
  if (!proven && streaks_.contains(divergence)) streaks_.at(divergence).may_be_there = false;
}

// Stands for the ports that must be open of an absent address, the path to which is proven.
void Oracle::AdvanceUnreachable(const Place& whole) {
  const auto places = MustBeOpen(whole);
  const auto& address = Of(whole);
  const bool may = address.presence != Presence::kPresent && address.may_be_vouched;
  const bool must = address.presence == Presence::kAbsent && address.vouched;
  const bool asked = address.looked && (address.presence != Presence::kAbsent || may);
  Count({kHostUnreachable, whole}, !places.empty(),
        {may, must, address.presence != Presence::kAbsent}, asked ? Asked::kAll : Asked::kNothing);
}

void Oracle::AdvanceUnnamed(const Place& whole) {
  const auto places = Unnamed(whole);
  const auto has = [&](bool only) {
    return std::ranges::any_of(places, [&](const Place& place) {
      const auto seen = At(place);
      return only ? seen == kClosed : (seen & kClosed) != 0;
    });
  };
  const bool must = has(/*only=*/true);
  Count({kWrongState, whole}, WantsOf(whole.host) == Wants::kSilence,
        {has(/*only=*/false), must, !must}, AskedOf(places));
}

// A drift that the policy knows no longer is gone, whatever was seen.
void Oracle::Count(const Key& key, bool relevant, const Truth& truth, Asked asked) {
  if (!relevant && !standing_.contains(key)) return;
  const Truth at = relevant ? truth : Truth{false, false, true};
  const auto presence = Of(key.place).presence;
  auto& streak = streaks_[key];
  streak.relevant = relevant;
  streak.may_be_there = at.may;
  if (asked == Asked::kNothing) return;
  if (presence == Presence::kAbsent && key.kind != kHostUnreachable) {
    streak.must = streak.must_be_gone = 0;
    return;
  }
  const bool doubtful = presence == Presence::kDoubtful;
  if (at.may || !doubtful) streak.may = at.may ? streak.may + 1 : 0;
  if (at.gone || !doubtful) streak.gone = at.gone ? streak.gone + 1 : 0;
  if (doubtful) {
    streak.must = streak.must_be_gone = 0;
  } else if (asked == Asked::kAll) {
    streak.must = at.must ? streak.must + 1 : 0;
    streak.must_be_gone = at.may ? 0 : streak.must_be_gone + 1;
  }
}

void Oracle::Check(const std::vector<Finding>& findings) {
  std::map<Key, bool> there;
  for (const auto& finding : findings) {
    const auto& drift = finding.drift;
    if (drift.kind == kStateChanged) {
      CheckEvent(finding);
      continue;
    }
    const bool known = drift.kind == kUnexpectedOpen || drift.kind == kMissing ||
                       drift.kind == kHostUnreachable || drift.kind == kWrongState ||
                       drift.kind == kFamilyDivergence;
    const int host = HostOf(drift.address);
    if (!known || host < 0) {
      ++counts_.other_kinds;
      continue;
    }
    const Key key{drift.kind,
                  {host, drift.address.family(), drift.port == 0 ? -1 : PortIndex(drift.port)}};
    there[key] = true;
    CheckFinding(key, finding);
  }
  for (auto& [key, stands] : standing_) {
    if (stands && !there.contains(key)) Complain(key, "the finding is lost");
  }
}

void Oracle::CheckFinding(const Key& key, const Finding& finding) {
  const auto known = standing_.find(key);
  const bool stood = known != standing_.end() && known->second;
  const bool stands = Stands(finding.state);
  if (stood == stands) return;
  standing_[key] = stands;
  if (run_ && sight_[static_cast<std::size_t>(key.place.family)] == Sight::kBlind) {
    Complain(key, "a blind run changed it");
  }
  if (stands) {
    ++counts_.opened;
    CheckOpened(key);
  } else {
    ++counts_.resolved;
    if (!finding.resolution) return Complain(key, "ended without a reason");
    CheckResolved(key, *finding.resolution);
  }
}

void Oracle::CheckOpened(const Key& key) {
  if (!run_) return Complain(key, "opened by an edit");
  const auto& streak = streaks_[key];
  if (key.kind != kUnexpectedOpen) {
    if (streak.may < kRunsToOpen) Complain(key, "opened, and was not there for two runs");
    return;
  }
  if (AskedOf(key.place) == Asked::kNothing) return Complain(key, "opened by a run that asked not");
  if (real_[IndexOf(key.place)] == kOpen || streak.may >= kRunsOfDisagreement) return;
  Complain(key, "opened, and was not open twice");
}

void Oracle::CheckResolved(const Key& key, Resolution why) {
  const auto& streak = streaks_[key];
  switch (why) {
    case Resolution::kFixed:
      if (!run_ || (streak.relevant && streak.gone < kRunsToResolve)) {
        Complain(key, "called fixed, and was there");
      } else if (key.kind == kUnexpectedOpen && real_[IndexOf(key.place)] == kOpen &&
                 streak.relevant) {
        Complain(key, "called fixed, and is open to others");
      }
      return;
    case Resolution::kGone:
      ++counts_.gone;
      if (!ClaimsAnAnswer(key.kind) || !Of(key.place).may_be_gone) {
        Complain(key, "called gone, and is not");
      }
      streaks_[key].may = 0;
      return;
    case Resolution::kPolicy:
      if (streak.may_be_there) Complain(key, "called settled by the policy, and is not");
      return;
    case Resolution::kWithdrawn:
      if (WantsOf(key.place.host) != Wants::kNothing) Complain(key, "withdrawn, and is listed");
      return;
    case Resolution::kExpired:
      return Complain(key, "expired, and is no event");
  }
}

void Oracle::CheckEvent(const Finding& finding) {
  auto& known = events_[finding.id];
  const bool opens =
      Stands(finding.state) && (!Stands(known.state) || known.episode != finding.episode);
  known = {finding.state, finding.episode};
  if (!opens) return;
  ++counts_.events;
  const auto& drift = finding.drift;
  const Key key{kStateChanged,
                {HostOf(drift.address), drift.address.family(), PortIndex(drift.port)}};
  if (key.place.host < 0 || key.place.port < 0) return Complain(key, "an event of nothing");
  auto& openness = openness_[IndexOf(key.place)];
  if (openness.told == openness.changes) Complain(key, "an event, and nothing changed");
  openness.told = openness.changes;
}

void Oracle::CheckOverdue() {
  for (const auto& [key, streak] : streaks_) {
    const auto known = standing_.find(key);
    const bool stands = known != standing_.end() && known->second;
    if (streak.must == kOverdue && !stands) Complain(key, "missed");
    if (streak.must_be_gone == kOverdue && stands) Complain(key, "gone, and not resolved");
  }
}

// What stands of an address that is gone for a day may not stand any longer.
void Oracle::CheckGone() {
  for (const auto& [key, stands] : standing_) {
    if (!stands || !ClaimsAnAnswer(key.kind)) continue;
    const auto& address = Of(key.place);
    if (address.gone && address.looked) Complain(key, "its address is gone, and it stands");
  }
}

void Oracle::Complain(const Key& key, const std::string& what) {
  const auto& [host, family, port] = key.place;
  complaints_.push_back(
      "run " + std::to_string(judged_) + ": " + std::string(ToString(key.kind)) + " of " +
      (host < 0 ? std::string(ToString(family)) : AddressOf(host, family).ToString()) +
      (port < 0 ? "" : " tcp/" + std::to_string(kPorts[static_cast<std::size_t>(port)])) + ": " +
      what);
}

}  // namespace postern::simulation

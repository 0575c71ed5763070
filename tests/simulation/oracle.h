// Judges what the daemon's judging makes of simulated rescans, by the truth and by a reading of the
// semantics of its own: which findings may open and end, and which must.
//
// It knows of each place what was true whenever a run that was no victim of a cut looked at it, and
// counts for each drift that there can be how many such runs in a row may have met it, and must.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "core/finding.h"
#include "core/snapshot.h"
#include "simulation/world.h"

namespace postern::simulation {

// What a family of a run was like.
enum class Sight : std::uint8_t {
  kClear,
  kDoubtful,  // cut off for a while, where no canary could notice
  kBlind,     // cut off while a canary was read
};

// Whether an address was there to answer a run: only then its ports' silence means something.
enum class Presence : std::uint8_t {
  kPresent,
  kAbsent,    // nothing of it may have answered, or all that was open there was lost at once
  kDoubtful,  // a run may take it for either
};

struct Counts {
  int opened = 0;
  int resolved = 0;
  int events = 0;
  int gone = 0;         // of the resolved
  int absences = 0;     // certain ones of an address, each run anew
  int other_kinds = 0;  // that this oracle knows nothing of
};

class Oracle {
 public:
  explicit Oracle(std::vector<Wants> policy);

  // The policy says something else of a host; `findings` are what there is after it was judged.
  void Edited(int host, Wants wants, const std::vector<Finding>& findings);
  // A run was committed. `asked` is its snapshot, with what judging made of its coverage.
  void Judged(const Snapshot& asked, const Truths& truths, const std::array<Sight, 2>& sight,
              const std::vector<Finding>& findings);

  // What was wrong, each in a sentence.
  const std::vector<std::string>& complaints() const { return complaints_; }
  const Counts& counts() const { return counts_; }

 private:
  struct Key {
    DriftKind kind = DriftKind::kUnexpectedOpen;
    Place place;  // port -1: of the whole address

    auto operator<=>(const Key&) const = default;
  };
  // What a run can have shown of a drift.
  struct Truth {
    bool may = false;   // that it is there
    bool must = false;  // nothing else
    bool gone = false;  // that it is not there
  };
  // Runs in a row that asked.
  struct Streak {
    bool may_be_there = false;  // by what is known now, whenever it was seen
    bool relevant = false;      // the policy knows of it
    int may = 0;
    int must = 0;
    int gone = 0;
    int must_be_gone = 0;
  };
  struct Event {
    FindingState state = FindingState::kPending;
    int episode = 0;
  };
  // What was seen of a place's being open, where that was certain.
  struct Openness {
    bool known = false;
    bool open = false;
    int changes = 0;
    int told = 0;  // of these, before the last event
  };
  // What is known of an address as a whole.
  struct Address {
    Presence presence = Presence::kPresent;
    bool was_absent = false;      // certainly, for the run before
    bool looked = false;          // the run that is judged asked it
    bool may_be_vouched = false;  // the run may have proof of the path to it
    bool vouched = false;         // the run has it
    // While it is not certainly present: since when, and how long runs certainly watched it.
    TimePoint since;
    TimePoint last;
    Duration watched{};
    bool may_be_gone = false;
    bool gone = false;
  };
  // How much of what a drift depends on the run asked.
  enum class Asked : std::uint8_t { kNothing, kPart, kAll };

  Wants WantsOf(int host) const { return policy_[static_cast<std::size_t>(host)]; }
  Answers At(const Place& place) const;
  Address& Of(int host, Family family) {
    return addresses_[static_cast<std::size_t>(host)][static_cast<std::size_t>(family)];
  }
  Address& Of(const Place& place) { return Of(place.host, place.family); }
  void Look(const Snapshot& asked, const Truths& truths);
  void LookAtAddress(int host, Family family, bool echoes, TimePoint at);
  Presence PresenceOf(int host, Family family, bool echoes) const;
  bool MayHaveChangedAlike(int host, Family family) const;
  void LookForVouchers(const Truths& truths, TimePoint now);
  static void Watch(Address& address, TimePoint now);
  void Look(const Place& place);
  void Learn(const Place& place, Answers seen);
  void Advance();
  void AdvancePlace(const Place& place);
  void AdvanceUnreachable(const Place& whole);
  void AdvanceUnnamed(const Place& whole);
  void Count(const Key& key, bool relevant, const Truth& truth, Asked asked);
  Asked AskedOf(const Place& place) const;
  Asked AskedOf(const std::vector<Place>& places) const;
  std::vector<Place> MustBeOpen(const Place& whole) const;
  std::vector<Place> Unnamed(const Place& whole) const;

  void Check(const std::vector<Finding>& findings);
  void CheckFinding(const Key& key, const Finding& finding);
  void CheckOpened(const Key& key);
  void CheckResolved(const Key& key, Resolution why);
  void CheckEvent(const Finding& finding);
  void CheckOverdue();
  void CheckGone();
  void Complain(const Key& key, const std::string& what);

  std::vector<Wants> policy_;
  std::vector<Answers> seen_;   // by place, what is proven; 0: never looked at
  std::vector<Answers> heard_;  // by place, in the run that is judged
  std::vector<Answers> real_;   // the same, as others than this scanner would have heard it
  std::vector<bool> asked_;     // by place, in the run that is judged
  std::array<std::array<Address, 2>, kHosts> addresses_{};
  std::vector<Openness> openness_;
  std::array<Sight, 2> sight_{};
  bool run_ = false;  // a run is judged, not an edit
  int judged_ = 0;
  std::map<Key, Streak> streaks_;
  std::map<Key, bool> standing_;  // those that stood once, and whether they do
  std::map<std::string, Event> events_;
  std::vector<std::string> complaints_;
  Counts counts_;
};

}  // namespace postern::simulation
